// The player: a waveform of both sides, drawn from peaks that the server has, over the page's own <audio>.
// Without this file the page shows the browser's controls, a drawn waveform, and links to every moment.
"use strict";

const STEP_S = 5;
const LEAP_S = 10;
const BAR_PX = 3;
const QUIET_FROM_S = 1.5; // shorter silences belong to talking
const LEAVES_S = 0.35; // of a silence that is skipped, at both ends
const KEPT = "ari_recorder-player";

function clock(seconds) {
  const whole = Math.floor(seconds + 1e-6);
  const two = (number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

function moment(text) {
  if (!/^(\d{1,6}(\.\d{1,3})?|(\d{1,3}:)?\d{1,3}:\d\d)$/.test(text)) return null;
  return text.split(":").reduce((seconds, part) => seconds * 60 + Number(part), 0);
}

function channels(waveform) {
  const sides = [[], []];
  waveform.peaks.forEach((peak, index) => sides[index % 2].push(peak / 255));
  return sides;
}

function stretched(side, least) { // so that the bars of a short call stand as close as those of a long one
  if (side.length >= least || side.length < 2) return side;
  return Array.from({ length: least }, (_, index) => {
    const at = index * (side.length - 1) / (least - 1);
    const before = Math.floor(at);
    return side[before] + ((side[before + 1] ?? side[before]) - side[before]) * (at - before);
  });
}

function silences([left, right], durationS) { // where neither says anything, as [from, to] to leave out
  const bucketS = durationS / left.length;
  const loud = left.map((peak, index) => Math.max(peak, right[index]));
  const floor = Math.max(3 / 255, 0.04 * Math.max(...loud));
  const found = [];
  for (let first = 0, index = 0; index <= loud.length; index += 1) {
    if (index < loud.length && loud[index] < floor) continue;
    if ((index - first) * bucketS >= QUIET_FROM_S) found.push([first * bucketS + LEAVES_S, index * bucketS - LEAVES_S]);
    first = index + 1;
  }
  return found;
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return {
    cursorColor: colour("--text"),
    splitChannels: [
      { waveColor: colour("--left-rest"), progressColor: colour("--left") },
      { waveColor: colour("--right-rest"), progressColor: colour("--right") },
    ],
  };
}

const kept = {
  read() { try { return JSON.parse(localStorage.getItem(KEPT)) || {}; } catch { return {}; } },
  write(changes) { try { localStorage.setItem(KEPT, JSON.stringify({ ...this.read(), ...changes })); } catch { /* not kept, then */ } },
};

class Player {
  constructor(section) {
    this.section = section;
    this.texts = JSON.parse(section.dataset.texts);
    this.audio = section.querySelector("audio");
    this.button = section.querySelector(".play");
    this.waveform = section.querySelector(".waveform");
    this.durationS = Number(section.dataset.durationMs) / 1000;
    this.parts = JSON.parse(section.dataset.clock);
    this.timeOfDay = new Intl.DateTimeFormat(section.dataset.locale, { timeStyle: "medium", timeZone: section.dataset.zone });
    this.silences = [];
    this.loop = null;
    this.keys = {};
    this.takeOver();
    this.listen();
    this.begin();
    this.draw();
  }

  part(selector) { return this.section.querySelector(selector); }

  does(name) { return this.section.querySelector(`[data-does="${name}"]`); }

  takeOver() {
    this.section.classList.add("enhanced");
    this.audio.controls = false;
    this.part(".controls").hidden = false;
    for (const [name, value] of Object.entries({
      role: "slider", tabindex: "0", "aria-label": this.texts.position,
      "aria-valuemin": "0", "aria-valuemax": String(Math.round(this.durationS)),
    })) this.waveform.setAttribute(name, value);
    this.audio.preservesPitch = true;
    const { speed, silence } = kept.read();
    const select = this.part(".speed select");
    if ([...select.options].some((option) => option.value === speed)) select.value = speed;
    this.audio.defaultPlaybackRate = this.audio.playbackRate = Number(select.value);
    this.does("silence").setAttribute("aria-pressed", String(silence === true));
    this.choose();
  }

  choose() { // what is kept, unless the browser is sure that it cannot play that
    const source = [...this.audio.querySelectorAll("source")].find((one) => this.audio.canPlayType(one.type)) || this.part("source");
    this.audio.src = source.getAttribute("src").replace(/#.*/, "");
  }

  listen() {
    this.button.addEventListener("click", () => this.toggle());
    const deeds = {
      back: () => this.leap(-LEAP_S), forth: () => this.leap(LEAP_S), silence: () => this.skipSilence(), loop: () => this.toggleLoop(),
      link: () => this.copyLink(), keys: () => this.part("dialog").showModal(), from: () => this.loopFrom(), to: () => this.loopTo(),
      clear: () => this.setLoop(null),
    };
    for (const [name, deed] of Object.entries(deeds)) this.does(name).addEventListener("click", deed);
    for (const name of ["timeupdate", "seeking"]) this.audio.addEventListener(name, () => this.show());
    for (const name of ["play", "pause", "ended"]) this.audio.addEventListener(name, () => this.showButton());
    this.audio.addEventListener("play", () => this.follow());
    this.audio.addEventListener("playing", () => { this.part(".failure").hidden = true; });
    this.audio.addEventListener("error", () => this.fail());
    this.part(".speed select").addEventListener("change", (event) => this.setSpeed(event.target.value));
    this.part(".ruler").addEventListener("pointerdown", (event) => this.dragLoop(event));
    window.addEventListener("hashchange", () => this.begin());
    document.addEventListener("click", (event) => this.follows(event));
  }

  follows(event) { // a link to a moment of this page
    const link = event.target.closest?.("[data-seek-ms]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.seek(Number(link.dataset.seekMs) / 1000);
    this.play();
  }

  begin() {
    const named = /^#t=(.*)$/.exec(location.hash);
    const wanted = named ? moment(decodeURIComponent(named[1])) : Number(this.section.dataset.start);
    if (wanted === null) return;
    if (wanted > this.durationS) this.say(this.texts.behind);
    else if (wanted > 0) this.seek(wanted);
    this.show();
  }

  async draw() {
    try {
      const answer = await fetch(this.section.dataset.waveform);
      if (!answer.ok) throw new Error(`waveform: ${answer.status}`);
      const peaks = channels(await answer.json());
      if (!peaks[0].length) throw new Error("waveform: empty");
      this.silences = silences(peaks, this.durationS);
      this.showSilence();
      const bars = Math.ceil(this.waveform.clientWidth / BAR_PX);
      this.surfer = WaveSurfer.create({
        container: this.waveform, media: this.audio, peaks: peaks.map((side) => stretched(side, bars)), duration: this.durationS,
        height: "auto", barWidth: 2, barGap: 1, barRadius: 2, cursorWidth: 2, normalize: true,
        maxPeak: Math.max(0.05, ...peaks[0], ...peaks[1]), dragToSeek: true, hideScrollbar: true,
        cspNonce: this.section.dataset.nonce, ...colours(),
      });
      this.surfer.on("ready", () => {
        this.section.classList.add("drawn");
        if (this.audio.currentTime) this.surfer.setTime(this.audio.currentTime);
      });
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.surfer.setOptions(colours()));
    } catch (error) {
      console.error(error);
      this.section.classList.add("without-waveform");
    }
  }

  play() {
    this.audio.play().catch((error) => { if (error.name === "NotSupportedError") this.fail(); });
  }

  toggle() {
    if (this.audio.paused) this.play(); else this.audio.pause();
  }

  seek(seconds) {
    const target = Math.min(Math.max(seconds, 0), this.durationS);
    this.audio.currentTime = target;
    this.surfer?.setTime(target);
    this.show(); // nothing is loaded before it is played, so nothing tells of it
  }

  leap(seconds) { this.seek(this.audio.currentTime + seconds); }

  setSpeed(value) {
    this.part(".speed select").value = value;
    this.audio.defaultPlaybackRate = this.audio.playbackRate = Number(value);
    kept.write({ speed: value });
  }

  stepSpeed(by) {
    const select = this.part(".speed select");
    const next = select.options[select.selectedIndex + by];
    if (next) this.setSpeed(next.value);
    this.say(`${select.value}×`);
  }

  follow() { // while it plays, before every picture: jump where a loop or a silence says so
    if (this.audio.paused) return;
    const now = this.audio.currentTime;
    if (this.loop && (now >= this.loop.to || now < this.loop.from - 0.1)) this.seek(this.loop.from);
    else if (this.skips()) {
      const quiet = this.silences.find(([from, to]) => from <= now && now < to - 0.1);
      if (quiet) this.seek(quiet[1]);
    }
    requestAnimationFrame(() => this.follow());
  }

  skips() { return this.does("silence").getAttribute("aria-pressed") === "true"; }

  skipSilence() {
    const on = !this.skips();
    this.does("silence").setAttribute("aria-pressed", String(on));
    kept.write({ silence: on });
    this.showSilence();
    const savedS = this.silences.reduce((sum, [from, to]) => sum + to - from, 0);
    if (on) this.say(savedS >= 0.5 ? this.texts.silence.replace("%(time)s", clock(savedS)) : this.texts.none);
  }

  showSilence() {
    const bands = this.silences.map(([from, to]) => {
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      for (const [name, value] of Object.entries({ class: "quiet-band", y: "0", height: "100%", x: this.share(from), width: this.share(to - from) })) rect.setAttribute(name, value);
      return rect;
    });
    const gaps = this.part(".gaps");
    gaps.querySelectorAll(".quiet-band").forEach((band) => band.remove());
    if (this.skips()) gaps.prepend(...bands);
  }

  share(seconds) { return `${(100 * seconds / this.durationS).toFixed(3)}%`; }

  loopFrom() {
    const now = this.audio.currentTime;
    this.setLoop({ from: now, to: this.loop && this.loop.to > now + 0.1 ? this.loop.to : this.durationS });
  }

  loopTo() {
    const now = this.audio.currentTime;
    if (now > 0.1) this.setLoop({ from: this.loop && this.loop.from < now - 0.1 ? this.loop.from : 0, to: now });
  }

  toggleLoop() {
    if (this.loop) return this.setLoop(null);
    const now = this.audio.currentTime < this.durationS - 0.2 ? this.audio.currentTime : 0;
    return this.setLoop({ from: now, to: Math.min(now + LEAP_S, this.durationS) });
  }

  setLoop(loop) {
    const { from, to } = loop || { from: 0, to: 0 };
    this.loop = loop;
    this.does("loop").setAttribute("aria-pressed", String(Boolean(loop)));
    this.part(".looping").hidden = !loop;
    this.part(".looping-from-to").textContent = this.texts.loops.replace("%(from)s", clock(from)).replace("%(to)s", clock(to));
    this.part(".loop-band").setAttribute("x", this.share(from));
    this.part(".loop-band").setAttribute("width", this.share(to - from));
  }

  dragLoop(event) {
    const box = event.currentTarget.getBoundingClientRect();
    const at = (pointer) => Math.min(Math.max((pointer.clientX - box.left) / box.width, 0), 1) * this.durationS;
    const [ruler, began] = [event.currentTarget, at(event)];
    const move = (pointer) => {
      const here = at(pointer);
      if (Math.abs(here - began) * box.width / this.durationS > 4) this.setLoop({ from: Math.min(began, here), to: Math.max(began, here) });
    };
    const end = (pointer) => {
      ruler.removeEventListener("pointermove", move);
      this.seek(this.loop && Math.abs(at(pointer) - began) * box.width / this.durationS > 4 ? this.loop.from : began);
    };
    ruler.setPointerCapture(event.pointerId);
    ruler.addEventListener("pointermove", move);
    ruler.addEventListener("pointerup", end, { once: true });
  }

  async copyLink() {
    const link = new URL(location.pathname, location.href);
    link.searchParams.set("t", String(Math.floor(this.audio.currentTime)));
    await copyText(link.href, this.section);
    this.say(this.texts.copied);
  }

  say(text) {
    const said = this.part(".said");
    said.textContent = text;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { said.textContent = ""; }, 4000);
  }

  show() {
    const now = this.audio.currentTime;
    this.part(".position").textContent = clock(now);
    this.waveform.setAttribute("aria-valuenow", String(Math.round(now)));
    this.waveform.setAttribute("aria-valuetext", `${clock(now)} / ${clock(Math.round(this.durationS))}`);
    const part = this.parts.findLast(([offsetMs]) => offsetMs <= now * 1000 + 1);
    this.part(".wall").textContent = part ? this.timeOfDay.format(part[1] + now * 1000 - part[0]) : "";
  }

  showButton() {
    const playing = !this.audio.paused && !this.audio.ended;
    this.button.classList.toggle("playing", playing);
    this.button.setAttribute("aria-label", playing ? this.texts.pause : this.texts.play);
  }

  fail() { // that it cannot be played and that it was not are one failure
    this.failing ??= this.explain().finally(() => { this.failing = null; });
  }

  async explain() { // ask what is wrong: the browser does not say
    const [at, wav] = [this.audio.currentTime, /format=wav/.test(this.audio.src)];
    let status = 0;
    try {
      status = (await fetch(this.section.dataset.audio + (wav ? "?format=wav" : ""), { headers: { Range: "bytes=0-0" } })).status;
    } catch { /* nobody there */ }
    const fallback = this.section.querySelector("source[type='audio/wav']");
    if (status === 206 && !wav && fallback) return this.reload(fallback.getAttribute("src").replace(/#.*/, ""), at);
    const words = { 0: "away", 206: "broken", 401: "signedOut", 403: "gone", 404: "gone", 500: "missing" };
    return this.tell(this.texts[words[status] || "busy"], status, at);
  }

  reload(source, at) {
    this.audio.src = source;
    this.audio.currentTime = at;
    this.play();
  }

  tell(what, status, at) {
    const link = document.createElement(status === 401 ? "a" : "button");
    link.textContent = status === 401 ? this.texts.signIn : this.texts.again;
    if (status === 401) link.href = `/sign-in?${new URLSearchParams({ next: `${location.pathname}?t=${Math.floor(at)}` })}`;
    else Object.assign(link, { type: "button", className: "button quiet", onclick: () => this.reload(this.audio.src, at) });
    this.part(".failure-what").textContent = what;
    this.part(".failure-do").replaceChildren(...([403, 404, 206].includes(status) ? [] : [link]));
    this.part(".failure").hidden = false;
  }
}

async function copyText(text, within) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = Object.assign(document.createElement("textarea"), { value: text, className: "hidden" });
  within.append(field); // plain HTTP has no clipboard API
  field.select();
  document.execCommand("copy");
  return field.remove();
}
