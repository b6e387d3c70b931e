import { el, set, show } from "./dom.js";

// Levels are told five times a second: of layer II as the agent estimates them
// from the coded scale factors, of AAC and layer III as frames, which the browser
// decodes to find out.
const floor = -60, faint = -40; // dB; a sine of full scale has 0
const late = 1500; // ms without any, after which there is none

const all = new Map();

// hear takes what the agent has told of feeds.
export function hear(levels) {
  for (const [name, level] of all) {
    if (!level.root.isConnected) all.delete(name);
    else if (Object.hasOwn(levels, name)) level.take(levels[name]);
    else if (performance.now() - level.at > late) level.root.hidden = true;
  }
}

// A Level is a bar that shows how loud the last moment of a feed was.
export class Level {
  at = 0;
  loudest = -Infinity;
  decoder = new Decoder((dB) => { this.loudest = Math.max(this.loudest, dB); });

  constructor(name) {
    this.bar = el("div.bar", { role: "meter", "aria-label": `Sound level of ${name}`, "aria-valuemin": floor, "aria-valuemax": 0 }, el("div"));
    this.words = el("span.note");
    this.root = el("div.level", { hidden: "" }, el("span", {}, "Sound"), this.bar, this.words);
    all.set(name, this);
  }

  take({ dB, frames }) {
    this.at = performance.now();
    if (dB !== undefined) this.show(dB);
    else {
      if (this.loudest > -Infinity) this.show(this.loudest);
      this.loudest = -Infinity;
      this.decoder.take(frames);
    }
  }

  show(dB) {
    const value = Math.round(Math.max(floor, Math.min(0, dB)));
    const words = value <= floor ? "silence" : value < faint ? "faint" : "";
    set(this.bar, "aria-valuenow", value);
    set(this.bar, "aria-valuetext", words || `${value} dB`);
    this.bar.firstChild.style.width = `${100 * (1 - value / floor)}%`;
    show(this.words, words);
    this.root.hidden = false;
  }
}

const rates = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];

// config reads the header of a frame of AAC in ADTS, or of layer III.
function config(d) {
  if ((d[1] & 6) === 0) return { codec: "mp4a.40.2", sampleRate: rates[d[2] >> 2 & 15], numberOfChannels: ((d[2] & 1) << 2 | d[3] >> 6) || 2 };
  return { codec: "mp3", sampleRate: [44100, 48000, 32000][d[2] >> 2 & 3] >> [2, 0, 1, 0][d[1] >> 3 & 3], numberOfChannels: d[3] >> 6 === 3 ? 1 : 2 };
}

// A Decoder calls out with the level of each frame, in dB.
class Decoder {
  constructor(out) {
    this.out = out;
  }

  take(frames) {
    if (!globalThis.AudioDecoder) return;
    for (const frame of frames) {
      const data = Uint8Array.from(atob(frame), (c) => c.charCodeAt(0));
      const key = JSON.stringify(config(data));
      if (key !== this.key || this.decoder.state === "closed") {
        if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
        this.decoder = new AudioDecoder({ output: (sound) => this.measure(sound), error: () => { this.key = ""; } });
        this.decoder.configure(JSON.parse(this.key = key));
      }
      this.decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: 0, data }));
    }
  }

  measure(sound) {
    const samples = new Float32Array(sound.numberOfFrames);
    let power = 1e-10;
    for (let planeIndex = 0; planeIndex < sound.numberOfChannels; planeIndex++) {
      sound.copyTo(samples, { planeIndex, format: "f32-planar" });
      power = Math.max(power, samples.reduce((sum, x) => sum + x * x, 0) * 2 / samples.length);
    }
    sound.close();
    this.out(10 * Math.log10(power));
  }
}
