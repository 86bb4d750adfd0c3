// Calls in progress, in the list and in the window of one's own: kept as the live feed says; commands and notes
// go to the API without leaving the page. What else a call does to its window is in call.js.
// Without this file the same forms work, and the page is as it was when it was shown.
"use strict";

const FADES_AFTER_MS = 3000;
const REFUSAL_MS = 8000;
const LEAVES_AFTER_MS = 8000;
const RETRY_MS = [1000, 30000];
const READY_MS = [500, 15000];
const SETTLES_MS = 500;

const list = document.getElementById("calls");
const inWindow = list.dataset.window === "yes";
const texts = JSON.parse(list.dataset.texts);
const cards = new Map();
let serverAheadMs = 0;

function fill(sentence, values) {
  return sentence.replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");
}

function clock(fromMs, toMs) {
  const whole = Math.max(0, Math.round((toMs - fromMs) / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

const moment = new Intl.DateTimeFormat(document.documentElement.lang === "sv" ? "sv-SE" : "en-GB", {
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: list.dataset.zone,
});

function announce(text) {
  document.getElementById("announcer").textContent = text;
}

// What changes something bears the token of the page's forms. Who has signed in again, in another tab, has another.
async function send(method, address, body, tag) {
  const token = document.querySelector("#mould").content.querySelector("[name=form_token]").value;
  const headers = { "X-Form-Token": token, ...(tag && { "If-Match": tag }) };
  try {
    const answer = await fetch(`/api/v1${address}`, { method, body, headers });
    if (answer.status === 403 && (await renewed(token))) return send(method, address, body, tag);
    const found = await answer.json().catch(() => ({}));
    return { ok: answer.ok, status: answer.status, found, tag: answer.headers.get("ETag")?.replace(/^W\//, "") };
  } catch {
    return { ok: false, status: 0, found: {} };
  }
}

async function renewed(old) {
  const page = new DOMParser().parseFromString(await (await fetch(window.location.pathname)).text(), "text/html");
  const token = page.querySelector("#mould")?.content.querySelector("[name=form_token]").value;
  if (!token || token === old) return false;
  for (const root of [document, document.querySelector("#mould").content])
    for (const field of root.querySelectorAll("[name=form_token]")) field.value = token;
  return true;
}

function trouble({ status, found }) {
  return texts.reasons[found.reason] ?? texts.reasons[status] ?? texts.reasons[500];
}

function plainLines(text) {
  return text.replace(/\r\n?/g, "\n");
}

// A field of the note's form. `data-saved` is what the recorder has, or had when somebody began to type.
class Field {
  constructor(input) {
    this.input = input;
    this.problem = document.getElementById(input.getAttribute("aria-describedby"));
  }

  get changed() { return this.input.value !== plainLines(this.input.dataset.saved); }

  show(value) {
    if (this.changed) return;
    this.input.dataset.saved = value;
    this.input.value = value;
    this.colour();
  }

  // Whether others have written something else here meanwhile: then that is told, and what to save is a decision.
  clashes(value) {
    const { input } = this;
    if (!this.changed || value === input.dataset.saved || value === plainLines(input.value)) return false;
    input.dataset.saved = value;
    const text = value && input.options ? [...input.options].find((one) => one.value === value).text : value;
    this.refuse(fill(texts.meanwhile, { text: text || texts.empty }));
    return true;
  }

  colour() {
    const dot = this.input.parentElement.querySelector(".dot");
    if (dot) dot.className = this.input.value ? `dot dot-${this.input.value}` : "dot";
  }

  refuse(text) {
    this.problem.textContent = text;
    this.problem.hidden = !text;
    if (text) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }

  point() {
    for (let around = this.input.closest("details"); around; around = around.parentElement.closest("details"))
      around.open = true;
    this.input.focus();
  }
}

// One of the two places for a command: start or stop, pause or resume. Its button stays as they alternate.
class Order {
  constructor(form, card) {
    this.form = form;
    this.button = form.querySelector("button");
    this.commands = form.dataset.slot.split(" ");
    form.addEventListener("submit", (event) => { event.preventDefault(); this.give(card); });
  }

  show(call) {
    const command = this.commands.find((name) => call.own && call.commands.includes(name));
    this.form.hidden = !command;
    this.form.dataset.command = command ?? "";
    if (!command) return;
    this.form.setAttribute("action", `/calls/${call.id}/${command}`);
    this.word = texts.commands[`${command}_${call.state}`] ?? texts.commands[command];
    this.label();
  }

  label() {
    this.word ??= this.form.querySelector(".order-word").textContent;
    this.form.querySelector(".order-word").textContent = this.waiting ? texts.waiting : this.word;
    this.button.setAttribute("aria-disabled", this.waiting || this.settling ? "true" : "false");
  }

  // What has just come in the place of another command is not meant by who presses that a second time, or does
  // by keys on the phone, or in another window, the same at the same moment.
  settle() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => { this.settling = 0; this.label(); }, SETTLES_MS);
    this.label();
  }

  async give(card) {
    if (this.waiting || this.settling) return;
    const command = this.form.dataset.command;
    this.waiting = true;
    this.label();
    const answer = await send("POST", this.form.getAttribute("action"));
    this.waiting = false;
    if (!answer.ok) card.refuse(fill(texts.refused, { command: texts.commands[command], reason: trouble(answer) }));
    else if (!feed.connected) card.show(answer.found.call);
    this.label();
  }
}

class Card {
  constructor(article) {
    this.article = article;
    this.id = article.dataset.id;
    this.orders = this.all(".order").map((form) => new Order(form, this));
    this.notes = this.one(".notes");
    this.fields = this.all("[data-saved]").map((input) => new Field(input));
    this.listen();
    this.wake();
    cards.set(this.id, this);
  }

  static make(call) {
    const article = document.getElementById("mould").content.cloneNode(true).querySelector("article");
    for (const name of ["id", "for", "aria-describedby", "aria-labelledby"])
      for (const part of [article, ...article.querySelectorAll(`[${name}]`)])
        if (part.hasAttribute(name)) part.setAttribute(name, part.getAttribute(name).replace("call-", `call-${call.id}`));
    article.dataset.id = call.id;
    article.dataset.state = "";
    article.querySelector(".notes").setAttribute("action", `/calls/${call.id}`);
    article.dataset.own = call.own ? "yes" : "";
    article.querySelector(".jot").open = call.own;
    if (call.own) list.prepend(article); else list.append(article);
    return new Card(article);
  }

  // A call that rings at several of a user's phones is shown as one: as that of the phone where it goes on. What
  // has been written goes along, and is saved there if it was saved.
  become(call) {
    const saved = this.fields.some(({ input }) => input.dataset.saved !== (call[input.name] ?? ""));
    for (const name of ["id", "for", "aria-describedby", "aria-labelledby", "action"])
      for (const part of [this.article, ...this.all(`[${name}]`)])
        if (part.hasAttribute(name)) part.setAttribute(name, part.getAttribute(name).replace(this.id, call.id));
    cards.delete(this.id);
    this.id = this.article.dataset.id = call.id;
    cards.set(this.id, this);
    this.endedAt = 0;
    this.one(".over").hidden = true;
    for (const { input } of this.fields) input.dataset.saved = call[input.name];
    this.show(call);
    if (saved && call.annotatable) this.save();
  }

  // Whether it is the same call at a phone of the same user.
  isAt({ call, user, direction }) {
    return this.call?.call === call && this.call.direction === direction
      && this.call.user.number === user.number && this.call.user.name === user.name;
  }

  one(selector) { return this.article.querySelector(selector); }

  all(selector) { return [...this.article.querySelectorAll(selector)]; }

  say(selector, text) {
    const part = this.one(selector);
    if (part && part.textContent !== text) part.textContent = text;
  }

  listen() {
    for (const name of ["pointerdown", "pointerenter", "focusin"]) this.article.addEventListener(name, () => this.wake());
    this.notes.addEventListener("submit", (event) => { event.preventDefault(); this.save(); });
    this.notes.addEventListener("input", (event) => {
      this.say(".saved", "");
      const field = this.fields.find(({ input }) => input === event.target);
      field?.refuse("");
      field?.colour();
    });
  }

  get who() { return this.one(".call-name .name").textContent; }

  show(call) {
    const changed = this.call ? this.call.state !== call.state : this.article.dataset.state !== call.state;
    this.call = call;
    this.showParties(call);
    this.showState(call);
    this.showOrders(call);
    this.one(".jot").hidden = !call.annotatable;
    for (const field of this.fields) field.show(call[field.input.name]);
    this.tick();
    tab.show();
    if (!changed) return;
    this.one(".refusal").hidden = true;
    this.wake();
    announce(fill(texts.announced, { who: this.who, state: texts.states[call.state] }));
    if (call.state === "ended") this.end();
  }

  showParties({ counterpart, direction, internal, user }) {
    this.say(".call-name .name", counterpart.name || counterpart.number || texts.unknown);
    this.say(".call-name .number", counterpart.name ? counterpart.number : "");
    this.say(".direction-word", texts.directions[direction]);
    this.article.dataset.direction = direction;
    this.one(".internal").hidden = !internal;
    this.say(".user-name", user.name);
    this.say(".user-number", user.number);
  }

  showState({ state, since, mode }) {
    this.article.dataset.state = state;
    this.say(".state-word", texts.states[state]);
    this.say(".since", fill(texts.since, { time: moment.format(new Date(since)) }));
    this.one(".since").setAttribute("datetime", since);
    this.say(".mode-word", texts.modes[mode]);
    this.say(".hint", texts.hints[state] ?? "");
    this.one(".hint").hidden = !texts.hints[state];
  }

  // A button that goes takes the focus along, unless it is passed on: to the other one, else to the call.
  showOrders(call) {
    const focused = this.orders.find(({ button }) => button === document.activeElement);
    const offered = () => this.orders.map(({ form }) => form.dataset.command).join(" ").trim();
    const before = offered();
    for (const order of this.orders) order.show(call);
    if (before && before !== offered()) for (const order of this.orders) order.settle();
    if (!focused?.form.hidden) return;
    (this.orders.find(({ form }) => !form.hidden)?.button ?? this.one(".call-name")).focus();
  }

  tick() {
    if (!this.call) return;
    const { answered_at, began_at, ended_at } = this.call;
    const now = ended_at ? Date.parse(ended_at) : Date.now() + serverAheadMs;
    if (this.call.state !== "ended" || ended_at) this.say(".clock", clock(Date.parse(answered_at ?? began_at), now));
  }

  // On a small screen the style sheet makes the indicator fade; it stays where readers of the screen find it.
  wake() {
    const signal = this.one(".signal");
    signal.classList.remove("faded");
    clearTimeout(this.fading);
    this.fading = setTimeout(() => signal.classList.add("faded"), FADES_AFTER_MS);
  }

  refuse(text) {
    this.say(".refusal-words", text);
    this.one(".refusal").hidden = false;
    announce(`${this.who}: ${text}`);
    clearTimeout(this.refusal);
    this.refusal = setTimeout(() => { this.one(".refusal").hidden = true; }, REFUSAL_MS);
  }

  async save(tries = 5) {
    const changes = Object.fromEntries(
      this.fields.filter((field) => field.changed).map(({ input }) => [input.name, input.value]));
    this.say(".saved", "");
    this.one(".save-problem").hidden = true;
    for (const field of this.fields) field.refuse("");
    if (Object.keys(changes).length) {
      const address = this.notes.getAttribute("action");
      const now = await send("GET", address);
      if (!now.ok) return this.notSaved(now);
      const clashing = this.fields.filter((field) => field.clashes(now.found[field.input.name]));
      if (clashing.length) return clashing[0].point();
      const answer = await send("PATCH", address, JSON.stringify(changes), now.tag);
      const again = answer.status === 412 || address !== this.notes.getAttribute("action");
      if (again && tries > 1) return this.save(tries - 1);
      if (!answer.ok) return this.notSaved(answer);
      for (const field of this.fields) {
        const { name, dataset } = field.input;
        if (name in changes) dataset.saved = answer.found[name]; else field.show(answer.found[name]);
      }
    }
    if (!this.unsaved) this.say(".saved", texts.saved);
  }

  get unsaved() { return this.fields.some((field) => field.changed); }

  notSaved(answer) {
    const field = this.fields.find(({ input }) => input.name === answer.found.field);
    if (field) {
      field.refuse(fill(texts.problems[answer.found.problem], { longest: answer.found.longest }));
      field.point();
    } else {
      this.say(".save-problem", trouble(answer));
      this.one(".save-problem").hidden = false;
    }
  }

  // The call is over: what is to be heard of it, and after a while away with the card. Not under somebody's
  // hands, and not with words in it that have not been saved.
  async end() {
    this.one(".over").hidden = false;
    this.endedAt = Date.now();
    await this.link();
    this.endedAt = Date.now();
  }

  // The link comes as soon as there is something to hear; it is asked for less and less often.
  async link(wait = READY_MS[0]) {
    const { recording, answered_at: answered } = this.call;
    if (!recording) return this.say(".over-word", answered ? texts.no_recording : texts.not_answered);
    if (!list.dataset.listens) return;
    const { ok, found } = await send("GET", `/recordings/${recording}`);
    const ready = ok && found.state === "stored";
    const gone = ok && found.state in texts.recordings;
    this.say(".over-word", gone ? texts.recordings[found.state] : ready ? "" : texts.preparing);
    this.one(".over a").href = `/recordings/${recording}`;
    this.one(".over a").hidden = !ready;
    if (ready || gone) return this.announceReady(ready);
    setTimeout(() => { if (this.article.isConnected) this.link(Math.min(wait * 1.5, READY_MS[1])); }, wait);
  }

  announceReady(ready) {
    this.endedAt = Date.now();
    if (ready && inWindow) announce(this.one(".over a").firstChild.textContent);
  }

  // The one of the window stays until the next call: it is the step to its recording.
  leave() {
    const busy = this.article.matches(":hover, :focus-within") || this.unsaved;
    if (inWindow && ![...cards.values()].some((card) => !card.endedAt)) return;
    if (!this.endedAt || busy || Date.now() - this.endedAt < (inWindow ? 0 : LEAVES_AFTER_MS)) return;
    this.remove();
  }

  remove() {
    this.article.remove();
    cards.delete(this.id);
    showEmpty();
    tab.show();
  }
}

function showEmpty() {
  document.getElementById("no-calls").hidden = cards.size > 0;
}

// The live feed: a snapshot, then changes; connected again when it breaks, later and later.
class Feed {
  constructor() {
    this.tries = 0;
    this.connect();
    window.addEventListener("online", () => this.soon());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.soon(); });
    window.addEventListener("offline", () => { this.socket?.close(); this.lost(); });
  }

  connect() {
    const socket = new WebSocket(`${window.location.origin.replace(/^http/, "ws")}/api/v1/live`);
    this.socket = socket;
    socket.addEventListener("message", (event) => { if (socket === this.socket) this.told(JSON.parse(event.data)); });
    socket.addEventListener("close", () => { if (socket === this.socket) this.lost(); });
  }

  told(message) {
    if (message.type === "snapshot") this.snapshot(message);
    else if (message.type === "call") this.changed(message.call);
    else if (message.type === "refused") this.refused(message);
  }

  snapshot({ at, calls }) {
    serverAheadMs = Date.parse(at) - Date.now();
    this.tries = 0;
    this.connected = true;
    for (const id of ["disconnected", "signed-out"]) document.getElementById(id).hidden = true;
    this.going = new Map(calls.map((call) => [call.id, call]));
    for (const call of calls) this.changed(call);
    for (const card of cards.values())
      if (!this.going.has(card.id) && !card.endedAt) this.gone(card);
    tab.show();
  }

  // It ended while nobody told, or is not for this person to see any more: then there is no such call for them.
  async gone(card) {
    if (!card.call?.own && (await send("GET", `/calls/${card.id}`)).status === 404) return card.remove();
    const since = new Date(Date.now() + serverAheadMs).toISOString();
    if (card.call) card.show({ ...card.call, commands: [], state: "ended", since });
    else card.endedAt = 1; // it was over before anything was told of it: away as soon as nobody is writing in it
  }

  changed(call) {
    if (call.state === "ended") this.going.delete(call.id); else this.going.set(call.id, call);
    const card = cards.get(call.id);
    if (card) this.show(card, call);
    else if (call.state !== "ended" && (call.own || !inWindow)) this.comes(call);
    showEmpty();
  }

  show(card, call) {
    const others = call.state === "ended" && !call.answered_at ? [...this.going.values()] : [];
    const elsewhere = others.find((one) => !cards.has(one.id) && card.isAt(one));
    if (elsewhere) card.become(elsewhere); else card.show(call);
  }

  comes(call) {
    const same = [...cards.values()].filter((card) => card.isAt(call));
    if (call.state === "ringing" && same.some(({ id }) => this.going.has(id))) return;
    const rang = same.find((card) => !card.call.answered_at);
    if (rang) rang.become(call); else Card.make(call).show(call);
  }

  refused({ id, command, source, reason }) {
    const sentence = source === "app" ? texts.refused : texts.refused_keys;
    cards.get(id)?.refuse(fill(sentence, { command: texts.commands[command], reason: texts.reasons[reason] }));
  }

  lost() {
    this.connected = false;
    this.socket = null;
    document.getElementById("disconnected").hidden = false;
    const wait = Math.min(RETRY_MS[0] * 2 ** this.tries++, RETRY_MS[1]);
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.again(), wait * (0.75 + Math.random() / 2));
  }

  soon() {
    if (!this.retry && !this.out) return;
    clearTimeout(this.retry);
    this.again();
  }

  // A socket does not say why it could not be opened: ask first whether anybody is signed in.
  async again() {
    this.retry = 0;
    const { status } = await send("GET", "/calls/live");
    this.out = status === 401;
    if (this.out) return this.signedOut();
    if (status === 200) this.connect(); else this.lost();
  }

  signedOut() {
    document.getElementById("disconnected").hidden = true;
    document.getElementById("signed-out").hidden = false;
  }
}

const tab = new Tab();
for (const article of list.querySelectorAll("article")) new Card(article);
if (window.location.search) window.history.replaceState(null, "", window.location.pathname);
const feed = new Feed();
const keys = new Keys();
window.addEventListener("beforeunload", (event) => {
  if ([...cards.values()].some((card) => card.unsaved)) event.preventDefault();
});
setInterval(() => { for (const card of cards.values()) { card.tick(); card.leave(); } }, 1000);
