// What pages do by themselves when scripts run. Everything also works without this file.
"use strict";

(() => {
  const REFRESH_MS = 3000;
  const body = document.body;

  // --- the shared event stream: rsd's events become DOM events "rs:status", "rs:commit" ...
  function listen(url) {
    const source = new EventSource(url);
    for (const name of ["status", "commit", "blocked", "line", "alarm", "away"]) {
      source.addEventListener(name, (event) => {
        let data = null;
        try { data = JSON.parse(event.data); } catch { return; }
        document.dispatchEvent(new CustomEvent("rs:" + name, { detail: data }));
      });
    }
    // Refused, as when somebody leafs quickly and the streams of pages before are not yet missed: browsers then give up.
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(url), REFRESH_MS);
    });
    window.addEventListener("pagehide", () => source.close());
  }
  if (body.dataset.live && (document.querySelector("[data-refresh], [data-series]"))) listen(body.dataset.live);

  // --- the part of a page that changes by itself is fetched again when something happened, not while somebody uses it
  const live = document.querySelector("[data-refresh]");
  let refreshedAt = performance.now();
  function refresh() {
    if (!live || document.hidden || live.matches(":hover button:focus") || live.contains(document.activeElement)) return;
    if (performance.now() - refreshedAt < REFRESH_MS) return;
    refreshedAt = performance.now();
    htmx.ajax("GET", live.dataset.refresh, { target: live, swap: "innerHTML" });
  }
  for (const name of ["rs:status", "rs:line", "rs:blocked"]) document.addEventListener(name, refresh);
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) location.reload();
  });

  // --- rates that every status brings along
  const units = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"];
  function rate(bps) {
    let value = bps || 0, place = 0;
    while (value >= 999.5 && place < units.length - 1) { value /= 1000; place += 1; }
    return value.toFixed(place && value < 99.95 ? 1 : 0) + "\u202f" + units[place];
  }
  window.rsRate = rate;
  document.addEventListener("rs:status", ({ detail }) => {
    for (const line of (detail && detail.lines) || []) {
      for (const direction of ["down_bps", "up_bps"]) {
        const place = document.querySelector(`[data-rate="${CSS.escape(line.name + "." + direction)}"]`);
        if (place) place.textContent = (direction === "down_bps" ? "↓ " : "↑ ") + rate(line[direction]);
      }
    }
  });

  // --- "keep it?" counts down; afterwards the page asks the router what became of the change
  const pending = document.querySelector(".bar.pending");
  if (pending) {
    const count = pending.querySelector("[data-count]");
    const until = performance.now() + 1000 * Number(pending.dataset.deadline);
    // A screen reader hears the question once, not every second.
    count.setAttribute("aria-live", "off");
    const timer = setInterval(() => {
      const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
      count.textContent = String(left);
      if (left === 0) { clearInterval(timer); comeBack(); }
    }, 250);
  }
  async function comeBack() {
    for (;;) {
      await new Promise((done) => setTimeout(done, 1500));
      try {
        // Without cookies: only to learn whether the box answers; what became of the change is for the page itself.
        await fetch(location.pathname, { cache: "no-store", redirect: "manual", credentials: "omit" });
        location.replace(location.pathname);
        return;
      } catch { /* not reachable yet: the router is still on its way back */ }
    }
  }

  // --- a password's strength in words while it is typed
  const password = document.querySelector("[data-strength]");
  if (password) {
    const input = document.getElementById(password.dataset.strength);
    const words = JSON.parse(password.dataset.words);
    input.addEventListener("input", () => {
      const text = input.value;
      const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/].filter((kind) => kind.test(text)).length;
      const variety = new Set(text).size;
      // A Chinese character says as much as two letters at least.
      const length = [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 2 : 1), 0);
      const level = !text ? -1 : length < 8 || variety < 5 ? 0 : length < 12 && kinds < 3 ? 1 : length < 14 ? 2 : 3;
      password.textContent = level < 0 ? "" : words[level];
    });
  }

  // --- fields that matter only for one choice
  for (const part of document.querySelectorAll("[data-when]")) {
    const [name, value] = part.dataset.when.split("=");
    const choice = part.closest("form").elements[name];
    const follow = () => { part.hidden = choice.value !== value; };
    choice.addEventListener("change", follow);
    follow();
  }

  // --- a form that asks before it does something that cannot be undone
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.ask;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  // --- a form that waited for the login goes on by itself
  document.querySelector("form[data-send]")?.requestSubmit();

  // --- after something went wrong the first marked field has the focus
  const wrong = document.querySelector("[aria-invalid]");
  if (wrong) wrong.focus();
})();
