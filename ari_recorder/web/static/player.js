// The player: a waveform of both sides, drawn from peaks that the server has, over the page's own <audio>.
// Without this file the page shows the browser's controls and everything else works.
"use strict";

const STEP_S = 5;

function clock(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

function channels(waveform) {
  const sides = [[], []];
  waveform.peaks.forEach((peak, index) => sides[index % 2].push(peak / 255));
  return sides;
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

class Player {
  constructor(section) {
    this.section = section;
    this.audio = section.querySelector("audio");
    this.button = section.querySelector(".play");
    this.position = section.querySelector(".position");
    this.waveform = section.querySelector(".waveform");
    this.durationS = Number(section.dataset.durationMs) / 1000;
    this.takeOver();
    this.listen();
    this.draw();
  }

  takeOver() {
    this.section.classList.add("enhanced");
    this.audio.controls = false;
    this.section.querySelector(".controls").hidden = false;
    for (const [name, value] of Object.entries({
      role: "slider", tabindex: "0", "aria-label": this.section.dataset.position,
      "aria-valuemin": "0", "aria-valuemax": String(Math.round(this.durationS)),
    })) this.waveform.setAttribute(name, value);
    this.show();
  }

  listen() {
    this.button.addEventListener("click", () => this.toggle());
    for (const name of ["timeupdate", "seeking"]) this.audio.addEventListener(name, () => this.show());
    for (const name of ["play", "pause", "ended"]) this.audio.addEventListener(name, () => this.showButton());
    this.audio.addEventListener("error", () => this.fail());
    this.section.querySelector(".speed select").addEventListener("change", (event) => {
      this.audio.playbackRate = Number(event.target.value);
    });
    document.addEventListener("keydown", (event) => this.key(event));
    for (const part of document.querySelectorAll(".seek")) {
      part.hidden = false;
      part.addEventListener("click", () => { this.seek(Number(part.dataset.seekMs) / 1000); this.play(); });
    }
  }

  async draw() {
    try {
      const answer = await fetch(this.section.dataset.waveform);
      if (!answer.ok) throw new Error(`waveform: ${answer.status}`);
      const peaks = channels(await answer.json());
      if (!peaks[0].length) throw new Error("waveform: empty");
      this.surfer = WaveSurfer.create({
        container: this.waveform, media: this.audio, peaks, duration: this.durationS,
        height: "auto", barWidth: 2, barGap: 1, barRadius: 2, cursorWidth: 2, normalize: true,
        maxPeak: Math.max(0.05, ...peaks[0], ...peaks[1]), dragToSeek: true, hideScrollbar: true,
        cspNonce: this.section.dataset.nonce, ...colours(),
      });
      this.surfer.on("ready", () => this.section.classList.add("drawn"));
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
        this.surfer.setOptions(colours()));
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
    this.audio.currentTime = Math.min(Math.max(seconds, 0), this.durationS);
    this.show(); // nothing is loaded before it is played, so nothing tells of it
  }

  key(event) {
    const elsewhere = event.target.closest?.("a, button, input, select, textarea, summary");
    if (event.altKey || event.ctrlKey || event.metaKey || (elsewhere && event.target !== this.button)) return;
    const now = this.audio.currentTime;
    const onSlider = event.target === this.waveform;
    const targets = { ArrowLeft: now - STEP_S, ArrowRight: now + STEP_S };
    if (onSlider) Object.assign(targets, { Home: 0, End: this.durationS });
    if (event.key in targets) this.seek(targets[event.key]);
    else if (event.key === " " && event.target !== this.button) this.toggle();
    else return;
    event.preventDefault();
  }

  show() {
    const shown = clock(this.audio.currentTime);
    this.position.textContent = shown;
    this.waveform.setAttribute("aria-valuenow", String(Math.round(this.audio.currentTime)));
    this.waveform.setAttribute("aria-valuetext", `${shown} / ${clock(Math.round(this.durationS))}`);
  }

  showButton() {
    const playing = !this.audio.paused && !this.audio.ended;
    this.button.classList.toggle("playing", playing);
    this.button.setAttribute("aria-label", playing ? this.section.dataset.pause : this.section.dataset.play);
  }

  fail() {
    const failure = this.section.querySelector(".failure");
    failure.textContent = this.section.dataset.failed;
    failure.hidden = false;
  }
}

async function copy(button) {
  const code = document.getElementById(button.dataset.copies);
  if (navigator.clipboard) await navigator.clipboard.writeText(code.textContent);
  else {
    window.getSelection().selectAllChildren(code); // plain HTTP has no clipboard API
    document.execCommand("copy");
  }
  const label = button.querySelector("span");
  const before = label.textContent;
  label.textContent = button.dataset.done;
  setTimeout(() => { label.textContent = before; }, 2000);
}

for (const section of document.querySelectorAll(".player")) new Player(section);
for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
