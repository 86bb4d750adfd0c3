// Ringing, and what a caller hears meanwhile: 425 Hz as Swedish exchanges send it.
const PATTERNS = { ring: [425, 0.4, 0.2, 0.4, 2], ringback: [425, 1, 4] };
let context = null;
let playing = null;

export function sound(name) {
  silence();
  context ??= new AudioContext();
  const [hertz, ...turns] = PATTERNS[name];
  const tone = new OscillatorNode(context, { frequency: hertz });
  const volume = new GainNode(context, { gain: 0 });
  tone.connect(volume).connect(context.destination);
  let at = context.currentTime;
  for (let round = 0; round < 20; round += 1) {
    turns.forEach((seconds, turn) => {
      volume.gain.setValueAtTime(turn % 2 ? 0 : 0.08, at);
      at += seconds;
    });
  }
  tone.start();
  playing = tone;
}

export function silence() {
  playing?.stop();
  playing = null;
}
