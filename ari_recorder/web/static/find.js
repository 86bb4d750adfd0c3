// Results while typing: the list is read anew a moment after the last key, the one before given up, and the
// address kept as the one that finds the same. Without this file the form is sent by its button.
"use strict";

const TYPED_MS = 250;
const SLOW_MS = 350;
const RETRIES = 4;
const form = document.getElementById("find");

const search = {
  query() {
    const asked = new URLSearchParams();
    for (const [name, text] of new FormData(form))
      if (text.trim() && !(name === "sort" && text === "newest")) asked.append(name, text.trim());
    return String(asked).replaceAll("%3A", ":");
  },

  soon(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.go(), wait);
  },

  async go(tries = 0) {
    clearTimeout(this.timer);
    const asked = this.query();
    if (asked === this.shown && !this.reading) return;
    this.reading?.abort();
    refresh.reading?.abort();
    const reading = this.reading = new AbortController();
    const slow = setTimeout(() => found.setAttribute("aria-busy", "true"), SLOW_MS);
    try {
      const { status, body } = await readList(asked, reading.signal);
      if (!reading.signal.aborted) this.answered(asked, status, body, tries);
    } catch (error) {
      if (error.name !== "AbortError") this.answered(asked, 0, null, tries);
    } finally {
      clearTimeout(slow);
      if (this.reading === reading) {
        this.reading = null;
        found.removeAttribute("aria-busy");
      }
    }
  },

  answered(asked, status, body, tries) {
    if (status !== 200 && status !== 400) {
      trouble.show(status, () => this.go());
      this.shown = null;
      if (status === 429 && tries < RETRIES)
        this.timer = setTimeout(() => this.go(tries + 1), 1000 * 2 ** tries);
      return;
    }
    trouble.hide();
    this.shown = asked;
    window.history.replaceState(null, "", asked ? `/?${asked}` : "/");
    clearChoice();
    replaceFound(body);
    this.point();
    announce(one("#count", found)?.textContent ?? one(".notice.bad, .empty h2", found)?.textContent.trim() ?? "");
  },

  // What is wrong, at its field as well; what was said there before is over.
  point() {
    for (const control of all("[aria-invalid]", form)) {
      control.removeAttribute("aria-invalid");
      const told = control.getAttribute("aria-describedby")?.split(" ") ?? [];
      for (const id of told) if (id.endsWith("-problem")) document.getElementById(id)?.remove();
      const left = told.filter((id) => document.getElementById(id));
      if (left.length) control.setAttribute("aria-describedby", left.join(" "));
      else control.removeAttribute("aria-describedby");
    }
    for (const told of all("[data-field]", found)) {
      const control = document.getElementById(told.dataset.field);
      if (!control) continue;
      const problem = document.createElement("p");
      problem.className = "field-problem bad-text";
      problem.id = `${control.id}-problem`;
      problem.textContent = one("span", told).textContent;
      control.parentElement.append(problem);
      control.setAttribute("aria-invalid", "true");
      const hint = control.getAttribute("aria-describedby");
      control.setAttribute("aria-describedby", hint ? `${problem.id} ${hint}` : problem.id);
    }
  },

  // The form as an address has it.
  fill(query) {
    const given = new URLSearchParams(query);
    for (const control of form.elements) if (control.name) control.value = given.get(control.name) ?? "";
    const sort = document.getElementById("sort");
    if (sort) sort.value = given.get("sort") ?? "newest";
  },
};

if (form) {
  search.shown = search.query();
  form.addEventListener("input", (event) => { if (event.target.id === "q") search.soon(TYPED_MS); });
  form.addEventListener("change", () => search.soon(0));
  found.addEventListener("change", (event) => { if (event.target.id === "sort") search.soon(0); });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search.go();
  });
  // Filters are taken out, and everything is shown, without leaving the page.
  found.addEventListener("click", (event) => {
    const link = event.target.closest(".chosen > a, .chosen li a");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const query = new URL(link.href).searchParams;
    search.fill(query.has("all") ? "" : query);
    document.getElementById("q").focus();
    search.go();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    document.getElementById("q").focus();
  });
}
// A menu closes by Escape, and by a click beside it.
document.addEventListener("click", (event) => {
  for (const menu of all("details.kept[open], details.keep[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest("details.kept[open], details.keep[open]");
  if (!menu) return;
  event.preventDefault();
  menu.open = false;
  one("summary", menu).focus();
});
