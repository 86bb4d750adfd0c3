// The phone: an account at the demo's Asterisk and at most one call. What happens is told to `tell`.
import { Inviter, Registerer, RegistererState, SessionState, UserAgent, Web } from "/sip/index.js";

const DIGIT_MS = 90;
const BETWEEN_MS = 50;
const RETRY_S = [1, 2, 4, 8, 15, 30];
const ICE_MS = 1000;

export class Phone {
  // `tell(what, detail)`: registration, ringing, call, ended, failed, microphone. `say(name, values)` gives texts.
  constructor(server, account, tell, say) {
    this.server = server;
    this.account = account;
    this.tell = tell;
    this.say = say;
    this.session = null;
    this.microphone = null;
    this.tone = false;
    this.tried = 0;
    this.closed = false;
  }

  start() {
    const stream = () => Promise.resolve(this.microphone.clone());
    this.agent = new UserAgent({
      uri: UserAgent.makeURI(`sip:${this.account.account}@${this.server.domain}`),
      displayName: this.account.name,
      authorizationUsername: this.account.number,
      authorizationPassword: this.account.password,
      transportOptions: { server: this.server.socket, connectionTimeout: 5 },
      sessionDescriptionHandlerFactory: describing(Web.defaultSessionDescriptionHandlerFactory(stream)),
      sessionDescriptionHandlerFactoryOptions: {
        iceGatheringTimeout: ICE_MS,
        peerConnectionConfiguration: { iceServers: [] },
      },
      logLevel: "error",
      delegate: {
        onInvite: (invitation) => this.#rings(invitation),
        onDisconnect: () => this.#lost(),
      },
    });
    this.registerer = new Registerer(this.agent, { expires: 120 });
    this.registerer.stateChange.addListener((state) => {
      // only what fails later: what is registered anew after the line was lost changes no state
      if (state === RegistererState.Unregistered && this.agent.isConnected() && !this.closed) {
        this.tell("registration", { state: "refused", why: this.refusal });
      }
    });
    return this.#connect();
  }

  async close() {
    this.closed = true;
    clearTimeout(this.retry);
    if (this.session) this.hangUp();
    this.microphone?.getTracks().forEach((track) => track.stop());
    if (this.registerer.state === RegistererState.Registered) await this.registerer.unregister().catch(() => {});
    await this.agent.stop().catch(() => {});
  }

  async call(number) {
    const target = UserAgent.makeURI(`sip:${encodeURIComponent(number)}@${this.server.domain}`);
    if (!target) return this.tell("failed", { why: this.say("page.no_number", { number }) });
    if (!(await this.#listen())) return null;
    const session = new Inviter(this.agent, target);
    this.#follow(session, number, "out");
    return session.invite({
      requestDelegate: {
        onProgress: (answer) => answer.message.statusCode === 180 && this.tell("call", { state: "ringing" }),
        onReject: (answer) => { session.refusal = answer.message; },
      },
    }).catch((error) => this.#over(session, String(error.message || error)));
  }

  async answer() {
    const session = this.session;
    if (!(await this.#listen())) return;
    await session.accept().catch((error) => this.#over(session, String(error.message || error)));
  }

  hangUp() {
    const session = this.session;
    const doing = {
      [SessionState.Established]: () => session.bye(),
      [SessionState.Initial]: () => (session instanceof Inviter ? session.cancel() : session.reject()),
      [SessionState.Establishing]: () => (session instanceof Inviter ? session.cancel() : session.reject()),
    }[session?.state];
    doing?.().catch(() => {});
  }

  // RFC 4733 in the audio's stream, behind those that have not gone out yet, which the browser would give up for
  // them; INFO where it cannot.
  digits(digits) {
    const session = this.session;
    if (session?.state !== SessionState.Established) return;
    const handler = session.sessionDescriptionHandler;
    const waiting = handler.peerConnection?.getSenders()[0]?.dtmf?.toneBuffer ?? "";
    if (handler.sendDtmf(waiting + digits, { duration: DIGIT_MS, interToneGap: BETWEEN_MS })) return;
    for (const digit of digits) {
      const content = `Signal=${digit}\r\nDuration=${DIGIT_MS}\r\n`;
      const body = { contentDisposition: "render", contentType: "application/dtmf-relay", content };
      session.info({ requestOptions: { body } });
    }
  }

  mute(muted) {
    const connection = this.session?.sessionDescriptionHandler?.peerConnection;
    connection?.getSenders().forEach((sender) => { if (sender.track) sender.track.enabled = !muted; });
  }

  async #connect() {
    clearTimeout(this.retry);
    this.tell("registration", { state: "connecting" });
    try {
      await (this.tried ? this.agent.reconnect() : this.agent.start());
    } catch {
      return this.#lost();
    }
    this.tried = 0;
    return this.registerer.register({
      requestDelegate: {
        onAccept: () => this.tell("registration", { state: "registered" }),
        onReject: (answer) => { this.refusal = reasonOf(answer.message, this.say); },
      },
    });
  }

  #lost() {
    if (this.closed) return;
    if (this.session) {
      const session = this.session;
      this.#over(session, this.say("page.line_lost"));
      session.dispose().catch(() => {});
    }
    const wait_s = RETRY_S[Math.min(this.tried, RETRY_S.length - 1)];
    this.tried += 1;
    this.tell("registration", { state: "gone", wait_s });
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.#connect(), wait_s * 1000);
  }

  #rings(invitation) {
    if (this.session) return invitation.reject({ statusCode: 486 });
    const { user, host } = invitation.remoteIdentity.uri;
    const name = invitation.remoteIdentity.displayName;
    this.#follow(invitation, user || host, "in");
    return this.tell("ringing", { number: user, name });
  }

  #follow(session, number, direction) {
    this.session = session;
    session.stateChange.addListener((state) => {
      if (state === SessionState.Established) {
        session.talked = true;
        this.tell("call", { state: "talking", number, direction, hears: heardBy(session) });
      }
      if (state === SessionState.Terminated) {
        // why is known a moment later
        queueMicrotask(() => this.#over(session, session.refusal && reasonOf(session.refusal, this.say)));
      }
    });
    if (direction === "out") this.tell("call", { state: "calling", number, direction });
  }

  #over(session, why) {
    if (this.session !== session) return;
    this.session = null;
    this.tell("ended", { why, talked: session.talked === true });
  }

  // The microphone as it is, asked for once: a browser that takes noise away takes tones away, too. A beep every second in its place where there is none and that was chosen.
  async #listen() {
    if (this.microphone?.active) return true;
    try {
      this.microphone = this.tone ? testTone() : await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: false, autoGainControl: false },
      });
      return true;
    } catch (error) {
      this.tell("microphone", { name: error.name });
      return false;
    }
  }
}

// A browser that may not use the microphone hides its addresses behind names (mDNS), which Asterisk does not look
// up: it would see no way, and take 0.0.0.0 for a hold. With any address it begins, and learns the browser's own
// from what arrives.
function withAddresses(sdp) {
  return sdp
    .replace(/^(a=candidate:.*? )\S+\.local /gm, (_, start) => `${start}127.0.0.1 `)
    .replace(/^c=IN IP4 0\.0\.0\.0/gm, "c=IN IP4 127.0.0.1");
}

function describing(handlers) {
  return (session, options) => {
    const handler = handlers(session, options);
    const describe = handler.getDescription.bind(handler);
    handler.getDescription = async (...wanted) => {
      const made = await describe(...wanted);
      return { ...made, body: withAddresses(made.body) };
    };
    return handler;
  };
}

function heardBy(session) {
  const stream = new MediaStream();
  session.sessionDescriptionHandler.peerConnection.getReceivers().forEach((one) => stream.addTrack(one.track));
  return stream;
}

function testTone() {
  const context = new AudioContext();
  const target = context.createMediaStreamDestination();
  const tone = new OscillatorNode(context, { frequency: 440 });
  const beats = new OscillatorNode(context, { type: "square", frequency: 1 });
  const volume = new GainNode(context, { gain: 0.15 });
  const depth = new GainNode(context, { gain: 0.15 });
  beats.connect(depth).connect(volume.gain);
  tone.connect(volume).connect(target);
  tone.start();
  beats.start();
  return target.stream;
}

// Why a call did not come about, in the reader's language.
function reasonOf({ statusCode: code, reasonPhrase: phrase }, say) {
  return say(`reasons.${code}`) ?? say("reasons.other", { code, phrase });
}
