// The live feed, for pages that follow it: connected again when it breaks, later and later, never at once.
// `told` gets each message, `state` is told "on", "off" and "signed out".
"use strict";

const FEED_RETRY_MS = [1000, 30000];

class LiveFeed {
  constructor(told, state) {
    Object.assign(this, { told, state, tries: 0, retry: 0 });
    this.connect();
    window.addEventListener("online", () => this.soon());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.soon(); });
    window.addEventListener("offline", () => this.socket?.close());
    window.addEventListener("pagehide", () => { this.left = true; this.socket?.close(); });
    window.addEventListener("pageshow", (event) => { if (event.persisted) { this.left = false; this.again(); } });
  }

  connect() {
    const socket = new WebSocket(`${window.location.origin.replace(/^http/, "ws")}/api/v1/live`);
    this.socket = socket;
    socket.addEventListener("message", (event) => { if (socket === this.socket) this.got(JSON.parse(event.data)); });
    socket.addEventListener("close", () => { if (socket === this.socket) this.lost(); });
  }

  got(message) {
    if (message.type === "snapshot") {
      this.tries = 0;
      this.state("on");
    }
    this.told(message);
  }

  lost() {
    this.socket = null;
    if (this.left) return;
    this.state("off");
    const wait = Math.min(FEED_RETRY_MS[0] * 2 ** this.tries++, FEED_RETRY_MS[1]);
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.again(), wait * (0.75 + Math.random() / 2));
  }

  soon() {
    if (!this.retry) return;
    clearTimeout(this.retry);
    this.again();
  }

  // A socket does not say why it could not be opened: ask first whether anybody is signed in.
  async again() {
    this.retry = 0;
    const status = await fetch("/api/v1/me").then((answer) => answer.status, () => 0);
    if (status === 401) this.state("signed out");
    else if (status === 200) this.connect();
    else this.lost();
  }
}
