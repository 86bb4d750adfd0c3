// What a call does to the window it is shown in: the tab's title and icon, keys, and the way into one of its own.
// Loaded before calls.js, whose cards it looks at.
"use strict";

const SIGNS = { recording: "●", provisional: "●", paused: "‖", provisional_paused: "‖" };
const FIELDS = "textarea, select, input:not([type=checkbox])";
const WINDOW = "popup,width=390,height=700";

// Title and icon say whether one's own call is recorded; one that is goes before one that is paused.
class Tab {
  constructor() {
    this.icon = document.getElementById("tab-icon");
    this.icons = JSON.parse(list.dataset.icons);
    this.plain = document.title.replace(/^[●‖] [^·]* · /, "");
  }

  show() {
    const own = [...cards.values()].map((card) => card.call).filter((call) => call?.own);
    const call = own.find(({ state }) => SIGNS[state] === "●") ?? own.find(({ state }) => SIGNS[state]);
    const sign = call ? SIGNS[call.state] : "";
    const title = call ? `${sign} ${texts.states[call.state]} · ${this.plain}` : this.plain;
    if (document.title !== title) document.title = title;
    if (this.icon.getAttribute("href") !== this.icons[sign]) this.icon.setAttribute("href", this.icons[sign]);
  }
}

// Single keys, in the window of one's own call; they can be switched off (WCAG 2.1.4).
class Keys {
  constructor() {
    this.on = document.getElementById("keys-on");
    if (!this.on) return;
    document.querySelector(".keys").hidden = false;
    try { this.on.checked = localStorage.getItem("call-keys") !== "off"; } catch { /* not allowed to keep anything */ }
    this.on.addEventListener("change", () => this.switched());
    document.addEventListener("keydown", (event) => this.pressed(event));
    this.show();
  }

  switched() {
    try { localStorage.setItem("call-keys", this.on.checked ? "on" : "off"); } catch { /* as above */ }
    this.show();
  }

  // Cards that come later are made from the mould: it is told, too.
  show() {
    for (const root of [document, document.getElementById("mould").content])
      for (const key of root.querySelectorAll(".call kbd")) key.hidden = !this.on.checked;
  }

  pressed(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return this.save(event);
    if (event.altKey || event.ctrlKey || event.metaKey || event.repeat || !this.on.checked) return;
    if (event.target.closest?.(FIELDS)) return;
    const card = [...cards.values()].reverse().find(({ call }) => call && call.state !== "ended") ?? [...cards.values()].at(-1);
    const deed = card && { s: () => this.order(card, 0), p: () => this.order(card, 1), n: () => this.note(card) }[event.key.toLowerCase()];
    if (!deed) return;
    event.preventDefault();
    deed();
  }

  order({ orders }, place) {
    if (!orders[place].form.hidden) orders[place].form.requestSubmit();
  }

  note(card) {
    card.one(".jot").open = true;
    card.one(".notes textarea").focus();
  }

  save(event) {
    const form = event.target.closest?.(".notes");
    if (!form) return;
    event.preventDefault();
    form.requestSubmit();
  }
}

document.getElementById("own-window")?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (window.open(event.currentTarget.href, "ari-recorder-call", WINDOW)) event.preventDefault();
});

// A tap anywhere, the pointer that moves, and a window that is looked at again bring the indicators back.
for (const name of ["pointerdown", "pointermove"])
  document.addEventListener(name, () => { if (inWindow) wakeAll(); }, { passive: true });
document.addEventListener("visibilitychange", () => { if (!document.hidden) wakeAll(); });

function wakeAll() {
  for (const card of cards.values()) card.wake();
}
