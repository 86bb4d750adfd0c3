// What the page shows of the phone, and what its buttons do.
import { Phone } from "/phone.js";
import { silence, sound } from "/sounds.js";

const $ = (id) => document.getElementById(id);
const settings = await (await fetch("/settings.json")).json();
const chosen = new URLSearchParams(location.search).get("as");
let user = settings.users.find((one) => one.number === chosen) ?? settings.users[0];
let phone = null;
let call = null; // { state, number, direction, since }
let clock = 0;

// ---- who

for (const one of settings.users) {
  $("who").add(new Option(`${one.number} ${one.name}: ${one.mode_name}`, one.number, false, one === user));
}
$("who").addEventListener("change", () => {
  user = settings.users.find((one) => one.number === $("who").value);
  history.replaceState(null, "", `?as=${user.number}`);
  begin();
});
$("my-pages").href = settings.my_pages;

async function begin() {
  await phone?.close();
  call = null;
  warn("");
  $("mode").textContent = user.mode_text;
  $("sign-in").textContent = `In My Pages sign in as ${user.number} with ${user.password}.`;
  $("suggested").textContent = user.suggested;
  $("afterwards").textContent = "";
  $("commands").replaceChildren(...user.keys.map(([keys, name]) => button(`${name} (${keys})`, () => press(keys))));
  $("reach").replaceChildren(...settings.numbers.filter(([number]) => number !== user.number).map(reachable));
  phone = new Phone(settings.server, user, (what, detail) => heard[what](detail));
  const mine = phone;
  heard = Object.fromEntries(
    Object.entries(told).map(([what, does]) => [what, (detail) => phone === mine && does(detail)]),
  );
  show();
  phone.start();
}

function reachable([number, what]) {
  const line = document.createElement("li");
  line.append(button(number, () => { $("number").value = number; show(); $("call").focus(); }), what);
  return line;
}

// ---- what the phone tells

const told = {
  registration({ state, wait_s, why }) {
    const [kind, text] = {
      connecting: ["wait", "Connecting to Asterisk …"],
      registered: ["good", `Registered: calls to ${user.number} ring here`],
      refused: ["bad", `Not registered. ${why ?? ""} Load the page again when the demo has started anew.`],
      gone: ["bad", `Asterisk does not answer. Trying again in ${wait_s} s; is the demo still running?`],
    }[state];
    $("registered").dataset.state = kind;
    $("registered").textContent = text;
    show();
  },
  ringing({ number, name }) {
    call = { state: "rung", number: [name, number].filter(Boolean).join(", "), direction: "in" };
    warn("");
    $("afterwards").textContent = "";
    $("incoming-title").textContent = `${call.number} is calling`;
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
    const text = {
      NotAllowedError: "The browser may not use the microphone. Allow it in the address bar, and call again.",
      NotFoundError: "This machine has no microphone that the browser can find.",
      NotReadableError: "Another program holds the microphone. End that, and call again.",
    }[name] ?? `The microphone cannot be used (${name}).`;
    if (call?.state !== "rung") call = null;
    warn(text, true);
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
  const link = Object.assign(document.createElement("a"), { href: settings.my_pages, textContent: "My Pages" });
  $("afterwards").replaceChildren(user.afterwards, " ", link);
}

// ---- what the buttons do

$("dial").addEventListener("submit", (event) => {
  event.preventDefault();
  if (call || !ready()) return;
  const number = ($("number").value || user.suggested).replace(/[\s()/-]/g, "");
  if (!/^[+*#0-9]+$/.test(number)) {
    warn(`“${$("number").value}” is no number: digits, *, # and a + in front.`);
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
  calling: () => `Calling ${call.number} …`,
  ringing: () => `Ringing at ${call.number} …`,
  rung: () => `${call.number} is calling`,
  talking: () => `In a call with ${call.number}, ${lasting()}`,
};

function show() {
  const talking = call?.state === "talking";
  $("call-state").textContent = call ? STATES[call.state]() : "Not in a call";
  $("incoming").hidden = call?.state !== "rung";
  $("call").hidden = Boolean(call);
  $("call").disabled = !ready();
  $("call-number").textContent = $("number").value ? "" : user.suggested;
  $("hang-up").hidden = !call || call.state === "rung";
  $("mute").hidden = !talking;
  $("commands").hidden = !talking || !user.keys.length;
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
