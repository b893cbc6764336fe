// The page's script: keys at a counter, lines, search while typing; scan.js has the camera. Without them every page still works.
"use strict";
(() => {
  const isField = (node) => node.matches("input, select, textarea");

  // --- keys
  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.key === "Enter" && event.ctrlKey) {
      const button = at.closest("form")?.querySelector("[data-post]") || document.querySelector("[data-post]");
      if (button) { event.preventDefault(); button.click(); }
    } else if (event.key === "Enter" && at.closest("[data-counter]") && isField(at) && at.tagName !== "TEXTAREA") {
      event.preventDefault();
      next(at);
    } else if (!isField(at) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (event.key === "/") { event.preventDefault(); document.getElementById("search")?.focus(); }
      if (event.key === "?") document.getElementById("keys")?.showModal();
      if (event.key === "n") document.querySelector("[data-new]")?.click();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isField(event.target)) event.target.blur();
  });
  for (const place of document.querySelectorAll("[data-keys]")) {
    place.hidden = false;
    place.addEventListener("click", () => document.getElementById("keys").showModal());
  }
  // A link to the search opens the phone's keyboard too.
  for (const link of document.querySelectorAll('a[href="#search"]')) {
    link.addEventListener("click", (event) => { event.preventDefault(); window.scrollTo(0, 0); document.getElementById("search").focus(); });
  }

  function next(field) {
    const form = field.form;
    const fields = [...form.elements].filter((node) => isField(node) && node.type !== "hidden");
    const table = field.closest("[data-lines]");
    const row = field.closest("tr");
    if (table && row === table.tBodies[0].lastElementChild && row.querySelector("td:last-child").contains(field)) {
      add(table).querySelector("input, select")?.focus();
      return;
    }
    (fields[fields.indexOf(field) + 1] || form.querySelector("[data-post]"))?.focus();
  }

  // --- lines: the last one is copied, empty
  function add(table) {
    const body = table.tBodies[0];
    const row = body.lastElementChild.cloneNode(true);
    const number = body.rows.length;
    const start = table.dataset.lines + ".";
    for (const node of row.querySelectorAll(".error")) node.remove();
    for (const node of row.querySelectorAll("input, select, textarea")) {
      node.name = node.id = start + number + "." + node.name.slice(start.length).replace(/^\d+\./, "");
      node.removeAttribute("aria-invalid");
      node.removeAttribute("list");
      if (node.type === "checkbox") node.checked = node.defaultChecked = false;
      else if (node.tagName !== "SELECT" && !node.dataset.keep) node.value = node.defaultValue;
    }
    body.append(row);
    return row;
  }
  // On a phone one empty line is enough: the button adds others.
  if (window.matchMedia("(max-width: 47.99rem)").matches) {
    for (const table of document.querySelectorAll("[data-lines]")) {
      const blank = [...table.querySelectorAll("[data-blank]")];
      if (table.closest("form").querySelector("[data-add]")) blank.slice(1).forEach((row) => row.remove());
    }
  }
  for (const button of document.querySelectorAll("[data-add]")) {
    button.hidden = false;
    button.addEventListener("click", () => add(button.form.querySelector("[data-lines]")).querySelector("input")?.focus());
  }

  for (const button of document.querySelectorAll("[data-paper]")) button.addEventListener("click", () => window.print());

  // --- a filter that is chosen is used at once
  for (const node of document.querySelectorAll("[data-now]")) node.addEventListener("change", () => node.form.submit());

  // --- what can be meant by what is being typed
  let waiting;
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!field.dataset.lookup) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => suggest(field), 150);
  });
  async function suggest(field) {
    const mark = field.dataset.lookup.includes("?") ? "&" : "?";
    const answer = await fetch(field.dataset.lookup + mark + "q=" + encodeURIComponent(field.value));
    if (!answer.ok || answer.redirected) return; // the login has ended: the form is kept when it is sent
    let list = document.getElementById("list-" + field.id);
    if (!list) {
      list = document.createElement("datalist");
      list.id = "list-" + field.id;
      document.body.append(list);
      field.setAttribute("list", list.id);
    }
    list.replaceChildren(...(await answer.json()).map(({ code, words }) => new Option(words, code)));
  }

  // --- a form is sent once
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post" || "again" in event.target.dataset) return;
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "1";
    event.submitter?.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent);
    document.querySelectorAll("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
  });

  // --- where one begins to type; not on a phone, whose keyboard would cover the page
  const fields = "form[data-counter] :is(input, select):not([type=hidden])";
  const first = window.matchMedia("(pointer: coarse)").matches ? null : document.querySelector(fields);
  (document.querySelector("[aria-invalid]") || first)?.focus();
})();
