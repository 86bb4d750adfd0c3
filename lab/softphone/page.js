// What the page shows of the phone, and what its buttons do.
import { Phone } from "/phone.js";
import { silence, sound } from "/sounds.js";

const $ = (id) => document.getElementById(id);
let settings = await (await fetch("/settings.json")).json();
const chosen = new URLSearchParams(location.search).get("as");
let mine = settings.phones.find((one) => one.number === chosen) ?? settings.phones[0];
let phone = null;
let call = null; // { state, number, direction, since }
let clock = 0;

// A text of the reader's language by its part and name, {values} filled in; undefined if there is none.
function say(name, values = {}) {
  const [part, ...rest] = name.split(".");
  const text = settings.words[part]?.[rest.join(".")];
  return text?.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

// ---- who

$("who").addEventListener("change", () => {
  mine = settings.phones.find((one) => one.number === $("who").value);
  history.replaceState(null, "", `?as=${mine.number}`);
  begin();
});
$("my-pages").href = settings.my_pages;

async function begin() {
  await phone?.close();
  call = null;
  warn("");
  $("afterwards").textContent = "";
  introduce();
  phone = new Phone(settings.server, mine, (what, detail) => heard[what](detail), say);
  const begun = phone;
  heard = Object.fromEntries(
    Object.entries(told).map(([what, does]) => [what, (detail) => phone === begun && does(detail)]),
  );
  show();
  phone.start();
}

// Whose the phones are, and what that means for who is here.
function introduce() {
  const mode = settings.words.modes[mine.mode];
  $("who").replaceChildren(
    ...settings.phones.map((one) => new Option(named(one), one.number, false, one.number === mine.number)),
  );
  $("mode").textContent = mode ? mode.text : say("page.spare", mine);
  $("sign-in").textContent = signingIn();
  $("headline").textContent = say("page.headline", { number: mine.suggested });
  $("commands").replaceChildren(
    ...mine.keys.map((keys) => button(`${settings.words.keys[keys]} (${keys})`, () => press(keys))),
  );
  const people = settings.phones.map((one) => [one.number, one.name || say("page.spare_phone")]);
  const numbers = [...people, [settings.outside, say("page.outside")], ...Object.entries(settings.words.services)];
  $("reach").replaceChildren(...numbers.filter(([number]) => number !== mine.number).map(reachable));
}

function named({ number, name, mode }) {
  if (!mode) return say("page.choice_spare", { number });
  return say("page.choice", { number, name, mode: settings.words.modes[mode].name });
}

function signingIn() {
  if (!mine.mode) return "";
  if (mine.login_password) return say("page.sign_in_demo", { login: mine.login, password: mine.login_password });
  return say(mine.login ? "page.sign_in" : "page.no_login", mine);
}

// Somebody comes back from My Pages, where a phone may have been given to a user, or a mode been changed.
addEventListener("focus", async () => {
  if (call) return;
  try {
    settings = await (await fetch("/settings.json")).json();
  } catch {
    return; // the demo has ended, which the phone tells
  }
  mine = settings.phones.find((one) => one.number === mine.number);
  if (!call) introduce();
});

function reachable([number, what]) {
  const line = document.createElement("li");
  line.append(button(number, () => { $("number").value = number; show(); $("call").focus(); }), what);
  return line;
}

// ---- what the phone tells

const told = {
  registration({ state, wait_s, why }) {
    const [kind, text] = {
      connecting: ["wait", say("page.connecting")],
      registered: ["good", say("page.registered", mine)],
      refused: ["bad", say("page.refused", { why })],
      gone: ["bad", say("page.gone", { seconds: wait_s })],
    }[state];
    $("registered").dataset.state = kind;
    $("registered").textContent = text;
    show();
  },
  ringing({ number, name }) {
    call = { state: "rung", number: [name, number].filter(Boolean).join(", "), direction: "in" };
    warn("");
    $("afterwards").textContent = "";
    $("incoming-title").textContent = say("page.rings", { who: call.number });
    sound("ring");
    show();
    $("answer").focus();
  },
  call({ state, number, direction, hears }) {
    call = { ...call, state, number: call?.number ?? number, direction: call?.direction ?? direction };
    if (state === "ringing") sound("ringback");
    if (state === "talking") {
      silence();
      call.since = Date.now();
      $("heard").srcObject = hears;
      $("heard").play().catch(() => {});
    }
    show();
  },
  ended({ why, talked }) {
    silence();
    call = null;
    $("heard").srcObject = null;
    $("mute").setAttribute("aria-pressed", "false");
    if (why) warn(why);
    if (talked) after();
    show();
  },
  failed({ why }) {
    warn(why);
    show();
  },
  microphone({ name }) {
    const known = {
      NotAllowedError: "not_allowed", NotFoundError: "not_found", NotReadableError: "not_readable",
    }[name] ?? "no_microphone";
    if (call?.state !== "rung") call = null;
    warn(say(`page.${known}`, { name }), true);
    show();
  },
};
let heard = told;

function warn(text, tone = false) {
  $("alert").hidden = !text;
  $("alert-text").textContent = text;
  $("test-tone").hidden = !tone;
}

function after() {
  const link = Object.assign(document.createElement("a"), { href: settings.my_pages, textContent: say("page.my_pages") });
  $("afterwards").replaceChildren(settings.words.modes[mine.mode || "never"].afterwards, " ", link);
}

// ---- what the buttons do

$("dial").addEventListener("submit", (event) => {
  event.preventDefault();
  if (call || !ready()) return;
  const number = ($("number").value || mine.suggested).replace(/[\s()/-]/g, "");
  if (!/^[+*#0-9]+$/.test(number)) {
    warn(say("page.no_number", { number: $("number").value }));
    return;
  }
  warn("");
  $("afterwards").textContent = "";
  phone.call(number);
});
$("number").addEventListener("input", show);
$("hang-up").addEventListener("click", () => phone.hangUp());
$("decline").addEventListener("click", () => phone.hangUp());
$("answer").addEventListener("click", () => phone.answer());
$("mute").addEventListener("click", () => {
  const muted = $("mute").getAttribute("aria-pressed") !== "true";
  $("mute").setAttribute("aria-pressed", String(muted));
  phone.mute(muted);
});
$("test-tone").addEventListener("click", () => {
  phone.tone = true;
  warn("");
  if (call?.state === "rung") phone.answer();
  else $("dial").requestSubmit();
});
for (const key of "123456789*0#") $("keypad").append(button(key, () => press(key)));

// In a call the digits go to the other side, otherwise to the number.
function press(keys) {
  if (call?.state === "talking") {
    phone.digits(keys);
    $("number").value += keys;
  } else if (!call) {
    $("number").value += keys;
    show();
  }
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select");
  if (call?.state === "talking" && /^[0-9*#]$/.test(event.key) && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    press(event.key);
  } else if (!typing && !call && /^[0-9*#+]$/.test(event.key)) {
    $("number").focus();
  }
});
addEventListener("pagehide", () => phone?.close());

// ---- what is shown

const STATES = {
  calling: () => say("page.calling", { who: call.number }),
  ringing: () => say("page.ringing", { who: call.number }),
  rung: () => say("page.rings", { who: call.number }),
  talking: () => say("page.talking", { who: call.number, time: lasting() }),
};

function show() {
  const talking = call?.state === "talking";
  $("call-state").textContent = call ? STATES[call.state]() : say("page.no_call");
  $("incoming").hidden = call?.state !== "rung";
  $("call").hidden = Boolean(call);
  $("call").disabled = !ready();
  $("call-number").textContent = $("number").value ? "" : mine.suggested;
  $("hang-up").hidden = !call || call.state === "rung";
  $("mute").hidden = !talking;
  $("commands").hidden = !talking || !mine.keys.length;
  $("who").disabled = Boolean(call);
  if (talking && !clock) clock = setInterval(show, 1000);
  if (!talking && clock) clock = clearInterval(clock) ?? 0;
}

function ready() {
  return $("registered").dataset.state === "good";
}

function lasting() {
  const s = Math.floor((Date.now() - call.since) / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

function button(text, does) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  made.addEventListener("click", does);
  return made;
}

begin();
