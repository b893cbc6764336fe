// The barcode of goods (EAN-13, and UPC-A as one that begins with 0) in a picture; ISO/IEC 15420.
// ean13({data, width, height}) gives the 13 digits that at least two lines of the picture agree on, or "".
"use strict";
const ean13 = (() => {
  // The widths of the four bars and gaps of each digit, in modules; 0-9 as in set L. R is the same, G is it backwards.
  const WIDTHS = ["3211", "2221", "2122", "1411", "1132", "1231", "1114", "1312", "1213", "3112"];
  const BACKWARDS = WIDTHS.map((widths) => [...widths].reverse().join(""));
  // Which of the six digits on the left are of set G: it says the first digit.
  const FIRST = ["LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL"];
  const LINES = 25;
  const RUNS = 59; // 3 of the guard, 24 on each side with 5 between them, 3 of the guard

  // The lengths of what is dark and light in turn, beginning with what is light.
  function runs({ data, width }, y) {
    const light = (x) => data[(y * width + x) * 4 + 1];
    let low = 255, high = 0;
    for (let x = 0; x < width; x++) { low = Math.min(low, light(x)); high = Math.max(high, light(x)); }
    const middle = (low + high) / 2;
    const found = [0];
    if (high - low < 50) return found;
    for (let x = 0, isDark = false; x < width; x++) {
      if ((light(x) < middle) !== isDark) { isDark = !isDark; found.push(0); }
      found[found.length - 1]++;
    }
    return found;
  }

  // The four runs of a digit as widths of one to four modules, seven in all.
  function widths(four) {
    const module = four.reduce((sum, run) => sum + run) / 7;
    return four.map((run) => Math.min(4, Math.max(1, Math.round(run / module)))).join("");
  }

  function digits(found, start) {
    const part = (n) => widths(found.slice(start + n, start + n + 4));
    let left = "", right = "", sets = "";
    for (let n = 0; n < 6; n++) {
      const at = part(3 + n * 4);
      const isL = WIDTHS.includes(at);
      left += (isL ? WIDTHS : BACKWARDS).indexOf(at);
      sets += isL ? "L" : "G";
      right += WIDTHS.indexOf(part(32 + n * 4));
    }
    const code = FIRST.indexOf(sets) + left + right;
    const sum = [...code].reduce((all, digit, n) => all + digit * (n % 2 ? 3 : 1), 0);
    return /^\d{13}$/.test(code) && sum % 10 === 0 ? code : "";
  }

  function line(found) {
    for (let start = 1; start + RUNS <= found.length; start += 2) {
      const bars = found.slice(start, start + 3);
      const module = found.slice(start, start + RUNS).reduce((sum, run) => sum + run) / 95;
      if (bars.some((bar) => Math.abs(bar - module) > module * 0.7) || found[start - 1] < module * 4) continue;
      const code = digits(found, start);
      if (code) return code;
    }
    return "";
  }

  return (image) => {
    const seen = new Set();
    for (let n = 1; n <= LINES; n++) {
      const found = runs(image, Math.floor((image.height * n) / (LINES + 1)));
      const turned = found.length % 2 ? found : [...found, 0];
      const code = line(found) || line(turned.reverse());
      if (seen.has(code) && code) return code;
      seen.add(code);
    }
    return "";
  };
})();
