// The list of recordings: rows that open by a click, are chosen by Shift and changed together, and are kept
// as the recorder has them. Without this file the same page works by its links and forms.
"use strict";

const found = document.getElementById("found");
const sentences = JSON.parse(found.dataset.texts);
const dock = document.querySelector(".dock");
const TOAST_MS = 12000;

function one(selector, within = document) { return within.querySelector(selector); }

function all(selector, within = document) { return [...within.querySelectorAll(selector)]; }

function say(name, values = {}) {
  return sentences[name].replace(/%\((\w+)\)s/g, (_, key) => values[key] ?? "");
}

function counted(name, n, values = {}) {
  return say(n === 1 ? `${name}_one` : `${name}_many`, { n, ...values });
}

function announce(text) {
  const announcer = document.getElementById("announcer");
  announcer.textContent = "";
  requestAnimationFrame(() => { announcer.textContent = text; });
}

function formToken() { return one("[name=form_token]").value; }

// What can be read again without the page, and put in place of what is there.
async function readList(query, signal) {
  const address = new URL("/", window.location.href);
  address.search = query;
  address.searchParams.set("part", "list");
  const answer = await fetch(address, { signal, headers: { Accept: "text/html" } });
  if (answer.redirected || answer.status === 401) return { status: 401 };
  const text = await answer.text();
  if (!answer.ok && answer.status !== 400) return { status: answer.status };
  const page = new DOMParser().parseFromString(text, "text/html");
  return { status: answer.status, body: page.body };
}

const trouble = {
  bar: document.getElementById("not-read"),
  again: null,
  show(status, again) {
    this.again = again;
    if (status === 401) return signedOut();
    one(".not-read-words", this.bar).textContent = say({ 0: "gone", 429: "busy" }[status] ?? "failed");
    this.bar.hidden = false;
  },
  hide() { this.bar.hidden = true; },
};
one(".again", trouble.bar).addEventListener("click", () => trouble.again?.());

function signedOut() {
  signedOut.told = true;
  trouble.hide();
  document.getElementById("lost").hidden = true;
  document.getElementById("signed-out").hidden = false;
}

// Rows: a click anywhere in one opens it.
found.classList.add("by-script");
found.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-id]");
  if (!row || event.defaultPrevented || event.target.closest("a, button, label, input")) return;
  if (String(window.getSelection()).length > 0) return;
  const { href } = one(".when a", row);
  if (event.metaKey || event.ctrlKey) window.open(href, "_blank", "noopener");
  else window.location.assign(href);
});

// The way through the list: a recording's page steps to the next one by it, and who comes back is where they were.
window.addEventListener("pagehide", () => {
  const ids = all("tr[data-id]", found).map(({ dataset }) => dataset.id);
  try { sessionStorage.setItem("way", JSON.stringify({ ids })); } catch { /* not kept, then */ }
});
window.addEventListener("pageshow", () => {
  let at = "";
  try { ({ at = "" } = JSON.parse(sessionStorage.getItem("way")) ?? {}); } catch { /* as above */ }
  if (at) one(`tr[data-id="${CSS.escape(at)}"] .when a`, found)?.focus();
});

// Up and down go to the same thing in the next row.
found.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const cell = event.target.closest("tr[data-id] > td");
  if (!step || !cell || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = all("tr[data-id]", found);
  const next = rows[rows.indexOf(cell.parentElement) + step];
  const there = next && (one(`.${cell.classList[0]} :is(a, button, input)`, next) ?? one(".when a", next));
  if (!there) return;
  event.preventDefault();
  there.focus();
  if (event.shiftKey && there.type === "checkbox") choice.set(there, true);
});

// Which are chosen.
const choice = {
  last: null,
  boxes: () => all(".pick input[name=recording]", found),
  get ids() { return this.boxes().filter((box) => box.checked).map((box) => box.value); },
  set(box, checked) {
    box.checked = checked;
    this.show();
  },
  range(box) {
    const boxes = this.boxes();
    const ends = [boxes.indexOf(this.last), boxes.indexOf(box)].sort((a, b) => a - b);
    if (ends[0] >= 0) for (const between of boxes.slice(ends[0], ends[1] + 1)) between.checked = box.checked;
  },
  show() {
    const boxes = this.boxes();
    const many = boxes.filter((box) => box.checked).length;
    for (const box of boxes) box.closest("tr").classList.toggle("chosen-row", box.checked);
    const every = document.getElementById("all");
    if (every) {
      every.checked = many > 0 && many === boxes.length;
      every.indeterminate = many > 0 && many < boxes.length;
    }
    const bulk = one(".bulk", dock ?? document);
    if (!bulk) return;
    if (bulk.contains(document.activeElement) && !many) (boxes.find((box) => box === this.last) ?? one(".pick input", found))?.focus();
    bulk.hidden = false;
    bulk.classList.toggle("on", many > 0);
    one(".selected", bulk).textContent = counted("selected", many);
  },
};

function clearChoice() {
  for (const box of choice.boxes()) box.checked = false;
  choice.show();
  choice.last = null;
}

found.addEventListener("change", (event) => {
  if (event.target.id === "all") {
    for (const box of choice.boxes()) box.checked = event.target.checked;
  } else if (event.target.name !== "recording") return;
  else choice.last = event.target;
  choice.show();
});
found.addEventListener("click", (event) => {
  const box = event.target.closest?.(".pick input[name=recording]");
  if (box && event.shiftKey && choice.last && choice.last !== box) choice.range(box);
  if (box && event.shiftKey) choice.show();
});
found.addEventListener("mousedown", (event) => {
  if (event.shiftKey && event.target.closest(".pick")) event.preventDefault(); // no text is selected by it
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && choice.ids.length && !event.defaultPrevented) clearChoice();
});
for (const clear of all(".bulk .clear")) {
  clear.hidden = false;
  clear.addEventListener("click", clearChoice);
}

// Marking several, with a way back.
async function postMark(recordings, mark) {
  try {
    const answer = await fetch("/api/v1/recordings/mark", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Form-Token": formToken() },
      body: JSON.stringify({ recordings, mark }),
    });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function toast(text, undo) {
  const bar = one(".undoing", dock);
  one(".undo-words", bar).textContent = text;
  one(".undo", bar).hidden = !undo;
  bar.undo = undo;
  bar.hidden = false;
  announce(text);
  clearTimeout(bar.leaving);
  const leave = () => {
    if (bar.matches(":hover, :focus-within")) bar.leaving = setTimeout(leave, 2000);
    else bar.hidden = true;
  };
  bar.leaving = setTimeout(leave, TOAST_MS);
}

async function markChosen(ids, mark) {
  const done = await postMark(ids, mark);
  if (!done) return toast(say("not_marked"));
  const many = done.marked.length;
  const words = mark ? counted("marked", many) : say("unmarked");
  const left = done.left.length ? ` ${say("left", { n: done.left.length })}` : "";
  toast(`${words}.${left}`, many ? () => unmark(done.marked) : null);
  clearChoice();
  await refresh.now();
}

async function unmark(marked) {
  const before = Map.groupBy ? Map.groupBy(marked, (row) => row.before) : new Map();
  if (!Map.groupBy)
    for (const row of marked) before.set(row.before, [...(before.get(row.before) ?? []), row]);
  for (const [mark, rows] of before)
    if (!(await postMark(rows.map((row) => row.id), mark))) return toast(say("not_marked"));
  toast(say("undone"));
  await refresh.now();
}

if (dock) {
  one(".undo", dock).addEventListener("click", () => one(".undoing", dock).undo?.());
  one(".undo-close", dock).addEventListener("click", () => { one(".undoing", dock).hidden = true; });
}
document.addEventListener("submit", (event) => {
  if (event.target.id !== "rows" || !(event.submitter?.formAction ?? "/mark").endsWith("/mark")) return;
  event.preventDefault();
  const mark = one(".bulk [name=mark]").value;
  if (choice.ids.length) markChosen(choice.ids, mark === "none" ? "" : mark);
});

// Keeping the rows as the recorder has them. What is read anew is compared row by row: nothing moves that did
// not change, and new ones wait for the reader where they would push away what is being read. `now` is true when
// it is done, null when something newer is being read.
const asRead = new WeakMap();
const refresh = {
  pending: null,
  query: () => window.location.search,
  async now() {
    this.reading?.abort();
    const reading = this.reading = new AbortController();
    const asked = this.query();
    try {
      const { status, body } = await readList(asked, reading.signal);
      if (reading.signal.aborted || asked !== this.query()) return null;
      if (status !== 200) { trouble.show(status, () => this.now()); return false; }
      trouble.hide();
      this.take(body);
      return true;
    } catch (error) {
      if (error.name === "AbortError") return null;
      trouble.show(0, () => this.now());
      return false;
    }
  },

  take(body) {
    const table = one("table.list", found);
    const anew = one("table.list", body);
    if (!table || !anew) {
      if (table || anew || one(".empty", found)) replaceFound(body);
      return;
    }
    const before = new Map(all("tr[data-id]", table).map((row) => [row.dataset.id, row]));
    const rows = all("tr[data-id]", anew);
    const known = new Set(rows.map((row) => row.dataset.id));
    for (const row of rows) if (before.has(row.dataset.id)) this.renew(before.get(row.dataset.id), row);
    this.leave(before, known, rows.length);
    this.renewAround(body);
    const fresh = rows.filter((row) => !before.has(row.dataset.id)).length;
    if (!fresh) return this.hold(null, 0);
    if (this.calm()) replaceFound(body);
    else this.hold(body, fresh);
  },

  renew(old, read) {
    const same = (text) => text.replace(/\s+/g, " ");
    if (same(asRead.get(old)) === same(read.innerHTML)) return;
    const row = read.cloneNode(true); // what was read may be shown as a whole later
    const focused = document.activeElement;
    one("input", row).checked = one("input", old).checked;
    const cell = old.contains(focused) && focused.closest("td");
    old.replaceWith(row);
    asRead.set(row, row.innerHTML);
    if (cell) (one(`.${cell.classList[0]} :is(a, button, input)`, row) ?? one(".when a", row)).focus();
    document.dispatchEvent(new CustomEvent("rows"));
    choice.show();
  },

  // Those that are gone from between the ones that are still there; the last ones have only moved on.
  leave(before, known, many) {
    const rows = [...before.values()];
    const lastKnown = rows.findLastIndex((row) => known.has(row.dataset.id));
    rows.forEach((row, index) => {
      const gone = !known.has(row.dataset.id) && (index < lastKnown || many < rows.length);
      if (!gone || row.contains(document.activeElement)) return;
      const day = row.parentElement;
      row.remove();
      if (!one("tr[data-id]", day)) day.remove();
    });
  },

  renewAround(body) {
    for (const selector of ["#count", ".export"]) {
      const [old, anew] = [one(selector, found), one(selector, body)];
      if (old && anew && old.outerHTML !== anew.outerHTML && old !== document.activeElement) old.replaceWith(anew.cloneNode(true));
    }
    all("tr.day span", found).forEach((name, index) => {
      const anew = all("tr.day span", body);
      if (anew.length === all("tr.day span", found).length && name.textContent !== anew[index].textContent)
        name.textContent = anew[index].textContent;
    });
  },

  // Whether the list may move: nobody is in it, has scrolled, searched or chosen anything.
  calm() {
    const table = one("table.list", found);
    return window.scrollY < 40 && !table.matches(":hover, :focus-within") && !choice.ids.length
      && !new URLSearchParams(this.query()).has("cursor") && !one(".chosen", found);
  },

  hold(body, fresh) {
    this.pending = body;
    const offer = one(".fresh");
    offer.hidden = !fresh;
    const text = fresh ? counted("new", fresh) : "";
    if (one("span", offer).textContent === text) return;
    one("span", offer).textContent = text;
    if (text) announce(text);
  },
};

function replaceFound(body) {
  const [focused, chosen] = [document.activeElement, new Set(choice.ids)];
  const within = found.contains(focused);
  const row = focused?.closest?.("tr[data-id]")?.dataset.id;
  const cell = focused?.closest?.("td")?.classList[0];
  found.replaceChildren(...body.childNodes);
  for (const box of choice.boxes()) box.checked = chosen.has(box.value);
  refresh.hold(null, 0);
  prepare();
  if (!within) return;
  const same = row ? one(`tr[data-id="${CSS.escape(row)}"] .${cell} :is(a, button, input)`, found) : null;
  (same ?? (focused.id && document.getElementById(focused.id)) ?? document.getElementById("q"))?.focus();
}

function prepare() {
  const every = document.getElementById("all");
  if (every) every.parentElement.hidden = false;
  for (const row of all("tr[data-id]", found)) asRead.set(row, row.innerHTML);
  document.dispatchEvent(new CustomEvent("rows"));
  choice.show();
}

one(".fresh button").addEventListener("click", () => {
  if (!refresh.pending) return;
  replaceFound(refresh.pending);
  window.scrollTo({ top: 0 });
  one(".when a", found)?.focus({ preventScroll: true });
});

// When it is read anew: a moment after a recording begins, ends or is changed; while one is being prepared,
// later and later; and when somebody comes back to the page. Never twice at once, not while nobody looks, and
// the more apart the longer an answer takes: many readers of a busy list are no burden on each other.
const SOON_MS = 700;
const APART_MS = [2500, 30000];
const TIMES_AS_LONG = 8;
const PREPARING_MS = [1500, 60000];
const FAILED_MS = [5000, 60000];

const follow = {
  ended: 0,
  took: 0,
  step: 0,
  failed: 0,
  calls: new Map(),
  soon(wait = SOON_MS) {
    if (document.hidden) { this.missed = true; return; }
    clearTimeout(this.timer);
    const apart = Math.min(Math.max(APART_MS[0], TIMES_AS_LONG * this.took), APART_MS[1]);
    this.timer = setTimeout(() => this.go(), Math.max(wait, this.ended + apart - Date.now()));
  },
  async go() {
    const began = Date.now();
    const done = await refresh.now();
    this.ended = Date.now();
    this.took = this.ended - began;
    if (done || signedOut.told) this.failed = 0;
    else if (done === false) this.soon(Math.min(FAILED_MS[0] * 2 ** this.failed++, FAILED_MS[1]));
    this.prepared();
  },
  prepared() {
    clearTimeout(this.preparing);
    if (!this.waits()) { this.step = 0; return; }
    const wait = Math.min(PREPARING_MS[0] * 2 ** this.step++, PREPARING_MS[1]);
    this.preparing = setTimeout(() => (document.hidden ? (this.missed = true) : this.go()), wait);
  },
  // Rows that change without a word: being prepared, or of a call that had ended before the feed began.
  waits() {
    const goesOn = ({ dataset: { id } }) => [...this.calls.values()].some((sign) => sign.includes(id));
    return one('tr[data-state="closing"]', found)
      || all('tr[data-state="open"]', found).some((row) => !goesOn(row));
  },
  told(message) {
    if (message.type === "snapshot") {
      const known = this.calls.size || this.before;
      this.calls = new Map(message.calls.map((call) => [call.id, this.sign(call)]));
      if (known || this.waits()) this.soon();
      this.before = true;
    } else if (message.type === "call") {
      const sign = this.sign(message.call);
      if (this.calls.get(message.call.id) === sign) return; // paused, say: nothing of that is in the list
      this.calls.set(message.call.id, sign);
      if (message.call.state === "ended") this.calls.delete(message.call.id);
      this.step = 0;
      this.soon();
    }
  },
  // What of a call is in the list.
  sign({ recording, state, counterpart, note, mark }) {
    const over = ["idle", "ended"].includes(state);
    return JSON.stringify([over ? null : recording, state === "ended", counterpart, note, mark]);
  },
  state(now) {
    clearTimeout(this.losing);
    if (now === "signed out") return signedOut();
    if (now === "on") document.getElementById("lost").hidden = true;
    else this.losing = setTimeout(() => { document.getElementById("lost").hidden = false; }, 4000);
  },
};
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !follow.missed) return;
  follow.missed = false;
  follow.soon(0);
});

const address = new URL(window.location.href);
for (const name of ["marked", "left"]) address.searchParams.delete(name); // said once
if (address.href !== window.location.href) window.history.replaceState(null, "", address);
prepare();
if ("follows" in found.dataset) {
  new LiveFeed((message) => follow.told(message), (state) => follow.state(state));
  follow.prepared();
}
