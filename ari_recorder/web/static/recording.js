// The rest of a recording's page: keys, note and mark saved in place, waiting until it is ready, copying.
// Everything here is also a plain form or link.
"use strict";

const FIELDS = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=hidden])";

function listenForKeys(player) {
  const dialog = player.part("dialog");
  const on = dialog.querySelector("input");
  const tenths = Object.fromEntries([..."0123456789"].map((digit) => [digit, () => player.seek(player.durationS * Number(digit) / 10)]));
  const keys = {
    k: () => player.toggle(), j: () => player.leap(-LEAP_S), l: () => player.leap(LEAP_S), ",": () => player.stepSpeed(-1), ".": () => player.stepSpeed(1),
    s: () => player.skipSilence(), a: () => player.loopFrom(), b: () => player.loopTo(), r: () => player.toggleLoop(), c: () => player.copyLink(),
    n: writeNote, m: () => document.querySelector(".marking :checked")?.focus(), "?": () => dialog.showModal(), ...tenths,
  };
  const steps = { ArrowLeft: () => player.leap(-STEP_S), ArrowRight: () => player.leap(STEP_S) };
  const ends = { Home: () => player.seek(0), End: () => player.seek(player.durationS) };
  on.checked = kept.read().keys !== false;
  on.addEventListener("change", () => kept.write({ keys: on.checked }));
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.altKey || event.ctrlKey || event.metaKey || dialog.open || target.closest?.(FIELDS)) return;
    const onSlider = target === player.waveform;
    let deed;
    if (on.checked) deed = keys[event.key.toLowerCase()];
    if (on.checked && event.shiftKey) deed = { n: () => step("next"), p: () => step("previous") }[event.key.toLowerCase()] ?? deed;
    if (on.checked && event.key === "Escape" && player.loop) deed = () => player.setLoop(null);
    if (onSlider || (on.checked && !target.closest?.("input"))) deed = { ...steps, ...ends }[event.key] ?? deed;
    if (event.key === " " && (onSlider || on.checked) && !target.closest?.("button, summary, input")) deed = () => player.toggle();
    if (!deed) return;
    event.preventDefault();
    deed();
  });
}

function step(to) { document.querySelector(`.through .${to}:not([hidden])`)?.click(); }

function writeNote() {
  const change = document.querySelector("#notes .change");
  if (!change) return;
  change.open = true;
  const note = change.querySelector("textarea");
  note.focus();
  note.setSelectionRange(note.value.length, note.value.length);
}

function unsaved() {
  const fields = [...document.querySelectorAll("#notes .change[open] :is(textarea, input[type=text])")];
  return fields.some((field) => field.value !== field.defaultValue) || document.querySelector("#notes .meanwhile, #notes .field-problem") !== null;
}

// To the ones above and below in the list that it was opened from, in this tab.
function stepThrough() {
  const here = location.pathname.split("/").at(-1);
  const links = [...document.querySelectorAll(".through a")];
  try {
    const { ids } = JSON.parse(sessionStorage.getItem("way"));
    const place = ids.indexOf(here);
    if (place < 0) return;
    sessionStorage.setItem("way", JSON.stringify({ ids, at: here }));
    for (const [n, link] of links.entries()) {
      const id = ids[place + 2 * n - 1];
      link.hidden = !id;
      if (id) link.href = `/recordings/${id}`;
    }
  } catch { /* opened by itself */ }
}

function enhanceNotes() {
  const notes = document.getElementById("notes");
  for (const part of notes?.querySelectorAll(".cancel, .keys-hint") ?? []) part.hidden = false;
  notes?.classList.add("enhanced");
}

async function renewed() { // who has signed in again, in another tab, has another token
  try {
    const page = new DOMParser().parseFromString(await (await fetch(location.pathname)).text(), "text/html");
    const token = page.querySelector("#notes [name=form_token]")?.value;
    const fields = [...document.querySelectorAll("#notes [name=form_token]")];
    if (!token || fields[0].value === token) return false;
    for (const field of fields) field.value = token;
    return true;
  } catch { return false; }
}

function tellNotSaved(form, why) {
  const texts = JSON.parse(document.getElementById("notes").dataset.texts);
  const told = Object.assign(document.createElement("p"), { className: "notice bad not-saved", textContent: texts[why] });
  told.setAttribute("role", "alert");
  if (why === "signedOut") told.append(" ", Object.assign(document.createElement("a"), { href: "/sign-in", target: "_blank", textContent: texts.signIn }));
  document.querySelector("#notes .not-saved")?.remove();
  form.append(told);
}

async function save(form, submitter, again = true) {
  const sent = new URLSearchParams(new FormData(form));
  if (submitter?.name) sent.append(submitter.name, submitter.value);
  const focused = document.activeElement;
  const back = focused?.name === "mark" ? ".marking :checked" : ".change > summary";
  let [fresh, why] = [null, "away"];
  try {
    const answer = await fetch(form.getAttribute("action").replace(/#.*/, ""), { method: "POST", body: sent });
    fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("notes");
    if (answer.url.includes("/sign-in") || answer.status === 401 || answer.status === 403) why = "signedOut";
    else if (answer.status === 404) why = "gone";
  } catch { /* not reached */ }
  if (!fresh && again && await renewed()) return save(form, submitter, false);
  if (!fresh) return tellNotSaved(form, why);
  document.getElementById("notes").replaceWith(document.adoptNode(fresh));
  enhanceNotes();
  const alert = fresh.querySelector("[aria-invalid], .meanwhile a");
  (alert ?? fresh.querySelector(back) ?? fresh).focus();
  const said = fresh.querySelector(".saved");
  if (said) { const { textContent } = said; said.textContent = ""; setTimeout(() => { said.textContent = textContent; }, 50); } // so that it is read out
  return undefined;
}

function listenForNotes() {
  const within = (event) => event.target.closest?.("#notes form");
  document.addEventListener("submit", (event) => {
    if (!within(event)) return;
    event.preventDefault();
    save(event.target, event.submitter);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("#notes .marking [name=mark]")) event.target.form.requestSubmit();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#notes .cancel")) cancel();
    if (!event.target.closest?.("#notes .change > summary")) return;
    event.preventDefault(); // opened by us, so that what is typed at once is in the note
    writeNote();
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.closest?.("#notes .notes")) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.form.requestSubmit();
    if (event.key === "Escape" && !unsaved()) cancel();
  });
  window.addEventListener("beforeunload", (event) => { if (unsaved()) event.preventDefault(); });
}

function cancel() {
  const change = document.querySelector("#notes .change");
  change.querySelector("form").reset();
  change.open = false;
  change.querySelector("summary").focus();
}

async function wait(box, pauseMs) { // until it is in another state; more seldom the longer it takes
  await new Promise((wake) => { setTimeout(wake, pauseMs); });
  let state = box.dataset.state;
  try {
    const answer = document.hidden ? null : await fetch(box.dataset.awaited);
    if (answer?.ok) ({ state } = await answer.json());
    else if (answer && answer.status < 500) return box.querySelector(".waiting").remove(); // signed out, or not theirs any more
  } catch { /* not reached: again */ }
  if (state === box.dataset.state || unsaved()) return wait(box, Math.min(pauseMs * 1.3, 10000));
  return location.reload();
}

async function copy(button) {
  await copyText(document.getElementById(button.dataset.copies).textContent, button.parentElement);
  const label = button.querySelector("span");
  const before = label.textContent;
  label.textContent = button.dataset.done;
  setTimeout(() => { label.textContent = before; }, 2000);
}

for (const section of document.querySelectorAll(".player")) listenForKeys(new Player(section));
for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
for (const box of document.querySelectorAll("[data-awaited]")) {
  box.querySelector(".waiting").hidden = false;
  wait(box, 1000);
}
for (const menu of document.querySelectorAll(".menu-button")) {
  const close = (event) => { if (event.key ? event.key === "Escape" : !menu.contains(event.target) || event.target.closest("a")) menu.open = false; };
  for (const name of ["click", "keydown"]) document.addEventListener(name, close);
}
enhanceNotes();
stepThrough();
listenForNotes();
