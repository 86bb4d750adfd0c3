// The prompts' small player, and recording them: the microphone's sound becomes the file of the form, as if it
// had been chosen. Without this script the browser's own player and the file field are there.

const page = document.querySelector(".spoken");
const say = page.dataset;
const said = document.getElementById("said");
const CIRCLE = 100;

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// One sound at a time. The button stands for an <audio>; arrow keys go a second back and forth, Escape stops.
class Hear {
  static sounding = null;

  constructor(audio, name, lengthS) {
    this.audio = audio;
    this.name = name;
    this.lengthS = lengthS;
    this.button = document.getElementById("hear").content.firstElementChild.cloneNode(true);
    this.done = this.button.querySelector(".ring-done");
    this.button.addEventListener("click", () => (audio.paused ? this.play() : this.stop()));
    this.button.addEventListener("keydown", (event) => this.key(event));
    audio.addEventListener("play", () => this.follow());
    audio.addEventListener("ended", () => this.stop());
    audio.addEventListener("error", () => this.fail());
    this.show();
  }

  async play() {
    if (Hear.sounding) Hear.sounding.stop();
    Hear.sounding = this;
    try {
      await this.audio.play();
    } catch (error) {
      if (error.name !== "AbortError") this.fail();
    }
  }

  stop() {
    this.audio.pause();
    if (this.audio.readyState) this.audio.currentTime = 0;
    if (Hear.sounding === this) Hear.sounding = null;
    this.show();
  }

  fail() {
    said.textContent = say.failed;
    this.button.title = say.failed;
    if (Hear.sounding === this) Hear.sounding = null;
    this.show();
  }

  follow() {
    this.show();
    if (!this.audio.paused) requestAnimationFrame(() => this.follow());
  }

  show() {
    const sounding = !this.audio.paused;
    const length = Number.isFinite(this.audio.duration) ? this.audio.duration : this.lengthS;
    const share = length ? Math.min(1, this.audio.currentTime / length) : 0;
    this.done.setAttribute("stroke-dashoffset", String(CIRCLE * (1 - (sounding ? share : 0))));
    this.button.classList.toggle("sounding", sounding);
    this.button.setAttribute("aria-label", (sounding ? say.stop : say.listen).replace("*", this.name));
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && this.audio.readyState) {
      this.audio.currentTime = Math.max(0, this.audio.currentTime + step);
      event.preventDefault();
    } else if (event.key === "Escape" && !this.audio.paused) {
      this.stop();
      event.preventDefault();
    }
  }
}

// What is recorded, or chosen, or dropped: shown with a player before the form is sent.
class Take {
  constructor(form) {
    const find = (selector) => form.querySelector(selector);
    this.form = form;
    this.input = find("input[type=file]");
    this.text = find("input[name=text]");
    this.drop = find(".drop");
    this.drop.append(document.getElementById("recorder").content.cloneNode(true));
    this.offer = find(".microphone");
    this.running = find(".running");
    this.preview = find(".preview");
    this.again = find(".again");
    this.wrong = find(".microphone-wrong");
    find(".record").addEventListener("click", () => this.record());
    this.again.addEventListener("click", () => this.record());
    find(".stop").addEventListener("click", () => this.recorder?.stop());
    this.input.addEventListener("change", () => this.chosen(say.chosen));
    this.receive();
  }

  receive() {
    const over = (is) => this.drop.classList.toggle("over", is);
    this.drop.addEventListener("dragover", (event) => {
      event.preventDefault();
      over(true);
    });
    this.drop.addEventListener("dragleave", (event) => {
      if (!this.drop.contains(event.relatedTarget)) over(false);
    });
    this.drop.addEventListener("drop", (event) => {
      event.preventDefault();
      over(false);
      if (!event.dataTransfer.files.length) return;
      this.put(event.dataTransfer.files[0]);
      this.chosen(say.chosen);
    });
  }

  put(file) {
    const files = new DataTransfer();
    files.items.add(file);
    this.input.files = files.files;
  }

  tell(text) {
    this.wrong.textContent = text;
    this.wrong.hidden = !text;
  }

  chosen(what, lengthS = 0) {
    const file = this.input.files[0];
    this.forget();
    this.tell(file && file.size > Number(say.mostBytes) ? say.large : "");
    this.preview.hidden = !file;
    this.again.hidden = what !== say.recorded;
    this.offer.hidden = what === say.recorded && Boolean(file);
    if (!file) return;
    this.address = URL.createObjectURL(file);
    const hear = new Hear(new Audio(this.address), what, lengthS);
    this.hear = hear;
    this.preview.querySelector(".preview-hear").replaceChildren(hear.button);
    this.preview.querySelector(".preview-of").textContent = lengthS ? `${what}, ${clock(Math.max(1, lengthS))}` : `${what}: ${file.name}`;
  }

  forget() {
    this.hear?.stop();
    if (this.address) URL.revokeObjectURL(this.address);
    this.hear = this.address = null;
  }

  // One microphone at a time: pressed twice, the first would listen on, and nobody could stop it.
  async record() {
    if (this.asking || this.recorder) return;
    if (Hear.sounding) Hear.sounding.stop();
    this.tell("");
    if (!navigator.mediaDevices || !window.MediaRecorder) {
      this.tell(window.isSecureContext ? say.broken : say.insecure);
      return;
    }
    this.asking = true;
    try {
      this.listen(await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } }));
    } catch (error) {
      const why = { NotAllowedError: say.refused, SecurityError: say.refused, NotFoundError: say.none };
      this.tell(why[error.name] ?? say.broken);
    } finally {
      this.asking = false;
    }
  }

  listen(stream) {
    const parts = [];
    const began = performance.now();
    const passedS = () => (performance.now() - began) / 1000;
    this.recorder = new MediaRecorder(stream);
    this.recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    this.recorder.addEventListener("stop", () => {
      const lengthS = passedS();
      for (const track of stream.getTracks()) track.stop();
      this.meter?.close();
      this.recorder = this.meter = null;
      this.running.hidden = true;
      this.keep(new Blob(parts, { type: parts[0]?.type }), lengthS);
    });
    this.recorder.start();
    if (this.text && !this.text.value) this.text.value = this.form.querySelector(".sub q").textContent;
    this.offer.hidden = this.preview.hidden = true;
    this.running.hidden = false;
    said.textContent = say.running;
    this.running.querySelector(".stop").focus();
    this.watch(stream, passedS);
  }

  watch(stream, passedS) {
    this.meter = new AudioContext();
    const analyser = this.meter.createAnalyser();
    this.meter.createMediaStreamSource(stream).connect(analyser);
    const heard = new Uint8Array(analyser.fftSize);
    const level = this.running.querySelector(".level-now");
    const time = this.running.querySelector(".running-for");
    const look = () => {
      if (!this.recorder) return;
      analyser.getByteTimeDomainData(heard);
      const peak = heard.reduce((most, value) => Math.max(most, Math.abs(value - 128)), 0) / 128;
      level.setAttribute("width", `${Math.round(100 * Math.min(1, peak * 1.5))}%`);
      time.textContent = clock(passedS());
      if (passedS() >= Number(say.mostS) - 0.5) this.recorder.stop();
      else setTimeout(look, 100);
    };
    look();
  }

  keep(sound, lengthS) {
    const ending = { "audio/webm": "webm", "audio/ogg": "ogg", "audio/mp4": "m4a" }[sound.type.split(";")[0]];
    this.put(new File([sound], `${say.recorded}.${ending ?? "webm"}`, { type: sound.type }));
    this.chosen(say.recorded, lengthS);
    this.hear?.button.focus();
  }
}

for (const audio of document.querySelectorAll(".prompt > audio")) {
  const hear = new Hear(audio, audio.dataset.name, Number(audio.dataset.lengthMs) / 1000);
  audio.controls = false;
  audio.hidden = true;
  audio.after(hear.button);
}
for (const form of document.querySelectorAll(".prompt-do details form")) new Take(form);
