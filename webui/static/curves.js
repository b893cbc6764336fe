// Live curves: the server's drawing is replaced by uPlot, which every status event then extends.
"use strict";

(() => {
  const WINDOW_S = 600;
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  async function draw(figure) {
    const answer = await fetch(figure.dataset.url);
    if (!answer.ok) return;
    const points = await answer.json();
    const data = [points.t, points.down_bps, points.up_bps];
    const ink = style("--ink-2"), grid = style("--line"), accent = style("--accent");
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: "12px " + style("--font") };
    const options = {
      width: figure.clientWidth,
      height: figure.clientHeight,
      cursor: { y: false, points: { size: 6 } },
      legend: { show: false },
      scales: { y: { range: (_, __, top) => [0, Math.max(top * 1.1, 1000)] } },
      axes: [
        { ...axis, size: 28, space: 80, values: (_, ticks) => ticks.map(clock) },
        { ...axis, size: 76, space: 32, values: (_, ticks) => ticks.map((tick) => (tick ? window.rsRate(tick) : "0")) },
      ],
      series: [
        {},
        { label: figure.dataset.down, stroke: accent, width: 2, fill: accent + "22", points: { show: false } },
        { label: figure.dataset.up, stroke: style("--line-strong"), width: 1.5, points: { show: false } },
      ],
    };
    const before = figure.querySelector(".spark");
    const plot = new uPlot(options, data, figure);
    plot.root.setAttribute("role", "img");
    if (before) { plot.root.setAttribute("aria-label", before.getAttribute("aria-label")); before.remove(); }
    new ResizeObserver(() => plot.setSize({ width: figure.clientWidth, height: figure.clientHeight })).observe(figure);
    document.addEventListener("rs:status", ({ detail }) => extend(figure, plot, detail));
  }

  function clock(second) {
    return new Date(second * 1000).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hour12: false });
  }

  function extend(figure, plot, status) {
    if (figure.dataset.series !== "line") return;
    const line = ((status && status.lines) || []).find((one) => one.name === figure.dataset.key);
    if (!line) return;
    const now = Date.now() / 1000;
    const [t, down, up] = plot.data.map((column) => Array.from(column));
    if (t.length && now <= t[t.length - 1]) return;
    t.push(now); down.push(line.down_bps); up.push(line.up_bps);
    while (t.length && t[0] < now - WINDOW_S) { t.shift(); down.shift(); up.shift(); }
    plot.setData([t, down, up]);
  }

  for (const figure of document.querySelectorAll("[data-series]")) draw(figure);
})();
