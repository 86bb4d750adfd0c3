// Playing in place: one player below the list for all of its rows. Without this file the sign in a row is a
// link to the recording.
"use strict";

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

class ListPlayer {
  constructor(bar) {
    this.bar = bar;
    this.audio = one("audio", bar);
    this.at = one(".listen-at", bar);
    this.button = one(".listen-play", bar);
    this.id = null;
    for (const name of ["play", "pause", "ended", "timeupdate", "loadedmetadata"])
      this.audio.addEventListener(name, () => this.show());
    this.audio.addEventListener("error", () => this.fail());
    this.button.addEventListener("click", () => this.toggle());
    this.at.addEventListener("input", () => { this.audio.currentTime = Number(this.at.value); this.show(); });
    one(".listen-close", bar).addEventListener("click", () => this.close());
    bar.addEventListener("keydown", (event) => this.key(event));
    found.addEventListener("click", (event) => {
      const sign = event.target.closest(".hear-it");
      if (!sign || event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      this.row(sign.closest("tr"));
    });
    document.addEventListener("rows", () => this.prepare());
    this.prepare();
  }

  // Of each link to a recording a button that plays it here.
  prepare() {
    for (const link of all("a.hear-it", found)) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = link.className;
      button.setAttribute("aria-label", link.getAttribute("aria-label"));
      button.replaceChildren(...link.childNodes);
      link.replaceWith(button);
    }
    this.show();
  }

  row(row) {
    if (row.dataset.id === this.id) return this.toggle();
    this.id = row.dataset.id;
    this.lengthS = Number(row.dataset.lengthMs) / 1000;
    const what = one(".listen-what", this.bar);
    what.href = `/recordings/${this.id}`;
    one("bdi", what).textContent = `${one(".whom .name", row).textContent}, ${one(".when time", row).textContent.trim()}`;
    one(".listen-failed", this.bar).hidden = true;
    this.bar.hidden = false;
    this.load("");
  }

  // A browser that does not know the format it is stored in gets one that every browser knows.
  load(format) {
    this.format = format;
    this.audio.src = `/api/v1/recordings/${this.id}/audio${format ? `?format=${format}` : ""}`;
    this.play();
  }

  play() { this.audio.play().catch(() => this.show()); }

  toggle() {
    if (this.audio.paused) this.play();
    else this.audio.pause();
  }

  key(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    } else if (event.key === " " && event.target === this.at) {
      event.preventDefault();
      this.toggle();
    }
  }

  close() {
    const { id } = this;
    this.audio.pause();
    this.id = null;
    this.audio.removeAttribute("src");
    this.bar.hidden = true;
    this.show();
    one(`tr[data-id="${CSS.escape(id)}"] .hear-it`, found)?.focus();
  }

  get length() { return Number.isFinite(this.audio.duration) ? this.audio.duration : this.lengthS; }

  show() {
    const playing = this.id !== null && !this.audio.paused && !this.audio.ended;
    for (const row of all("tr[data-id]", found)) this.sign(row, playing && row.dataset.id === this.id);
    if (this.id === null) return;
    this.button.classList.toggle("playing", playing);
    this.button.setAttribute("aria-label", say(playing ? "pause" : "play"));
    this.at.max = this.length;
    this.at.value = this.audio.currentTime;
    this.at.style.setProperty("--done", `${100 * Math.min(1, this.audio.currentTime / this.length)}%`);
    const [at, length] = [clock(this.audio.currentTime), clock(Math.round(this.length))];
    one(".listen-times", this.bar).textContent = `${at} / ${length}`;
    this.at.setAttribute("aria-valuetext", say("position", { at, length }));
  }

  sign(row, playing) {
    const button = one("button.hear-it", row);
    if (!button || row.classList.contains("playing") === playing) return;
    row.classList.toggle("playing", playing);
    one("use", button).setAttribute("href", playing ? "#sign-pause" : "#sign-play");
    const label = button.getAttribute("aria-label");
    const [from, to] = playing ? ["play", "pause"] : ["pause", "play"];
    button.setAttribute("aria-label", label.replace(say(from), say(to)));
  }

  async fail() { // ask what is wrong: the browser does not say
    const [id, source] = [this.id, this.audio.src];
    if (id === null) return;
    const answer = await fetch(source, { headers: { Range: "bytes=0-0" } }).catch(() => null);
    if (this.id !== id || this.audio.src !== source) return;
    if (answer?.status === 401) {
      this.close();
      return signedOut();
    }
    if (!this.format) return this.load("wav");
    const failed = one(".listen-failed", this.bar);
    failed.textContent = say("not_played");
    failed.hidden = false;
    this.show();
  }
}

if (one(".listen")) new ListPlayer(one(".listen"));
