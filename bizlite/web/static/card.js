// The job card on a phone: reports are queued while the wifi is away, each with its key, its time and its worker.
// Without this script the forms of the page work as forms do.
"use strict";
(() => {
  const QUEUE = "biz-reports";
  const RETRY_MS = 8000;
  const note = document.getElementById("queue");
  const refused = document.getElementById("refused");
  const worker = document.getElementById("main").dataset.worker;
  const read = () => JSON.parse(localStorage.getItem(QUEUE) || "[]");
  const write = (queue) => { localStorage.setItem(QUEUE, JSON.stringify(queue)); tell(); };
  const token = () => document.querySelector("input[name=csrf]").value;
  let busy = false;

  function tell() {
    const count = read().length;
    const words = note.querySelector("p");
    note.hidden = !count;
    words.textContent = words.dataset.one.replace("#", count);
  }
  function say(problem) {
    refused.hidden = !problem;
    refused.querySelector("p").textContent = problem;
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-report]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const report = Object.fromEntries(new FormData(form));
    delete report.csrf;
    const key = crypto.getRandomValues(new Uint32Array(4)).join("-");
    write([...read(), { url: form.action, body: { ...report, key, reported_ms: Date.now() } }]);
    form.reset();
    say("");
    flush();
  }, true);

  async function flush() {
    if (busy) return;
    busy = true;
    let sent = false;
    try {
      for (let next = mine(); next; next = mine()) {
        const answer = await fetch(next.url, {
          method: "POST", body: JSON.stringify(next.body),
          headers: { "Content-Type": "application/json", "X-CSRF-Token": token() },
        });
        // Not ours to give up: the box is starting, or the sign-in of the shift is over.
        if (answer.status >= 500 || answer.status === 401 || answer.status === 400) { if (!sent) await show(); break; }
        write(read().filter((one) => one.body.key !== next.body.key));
        sent = true;
        if (!answer.ok) say((await answer.json()).problem);
      }
      if (sent) await show();
    } catch { /* no wifi: the next try is the timer's */ }
    busy = false;
  }
  const mine = () => read().find((one) => one.body.worker === worker);

  // What the server says now, in the places that it changes; what is being typed stays.
  async function show() {
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if ((page.getElementById("main")?.dataset.worker ?? worker) !== worker) { location.reload(); return; }
    for (const id of ["state", "lines"]) {
      const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
      if (old && fresh) old.replaceWith(fresh);
    }
    const csrf = page.querySelector("input[name=csrf]")?.value;
    if (csrf) document.querySelectorAll("input[name=csrf]").forEach((field) => { field.value = csrf; });
    if (document.querySelector("#state .note.ok")) document.querySelectorAll("[data-report], details").forEach((form) => form.remove());
  }

  window.addEventListener("online", flush);
  setInterval(flush, RETRY_MS);
  tell();
  flush();
})();
