// What decodes each coding: this page's own decoders for MPEG-1 video and
// layer II, the browser's (WebCodecs) for H.264, AAC and layer III.

import { MPEG1, paint } from "./mpeg1.js";
import { MP2, header as layer2 } from "./mp2.js";

// decoder returns {decode(data, pts), reset(), close()}. A video decoder calls
// out with {pts, width, height, draw(context), close()}, an audio decoder with
// (pts, rate, channels).
export function decoder({ kind, coding }, out, fail) {
	if (coding === "mpeg") return kind === "video" ? mpeg1(out) : new Audio(out, fail);
	if (coding === "aac") return new Audio(out, fail);
	if (coding === "h264") return new H264(out, fail);
	throw new Error(`This page cannot play ${coding}. It plays MPEG-1 video with layer II sound, and H.264 with AAC.`);
}

function mpeg1(out) {
	const video = new MPEG1((p) => out({
		pts: p.pts, width: p.width, height: p.height, close() {},
		draw: (context) => context.putImageData(paint(p), 0, 0),
	}));
	return { decode: (data, pts) => video.decode(data, pts), reset: () => video.reset(), close() {} };
}

function browser(name, coding) {
	if (globalThis[name]) return globalThis[name];
	throw new Error(isSecureContext ? `This browser cannot play ${coding}.` : `Browsers play ${coding} on secure pages alone: open this one by https.`);
}

// units finds the NAL units of an access unit (ISO/IEC 14496-10, annex B).
function* units(data) {
	for (let i = 0; i + 3 < data.length; i++) {
		if (data[i] === 0 && data[i + 1] === 0 && data[i + 2] === 1) yield data.subarray(i += 3);
	}
}

class H264 {
	constructor(out, fail) {
		const VideoDecoder = browser("VideoDecoder", "H.264");
		this.video = new VideoDecoder({
			output: (frame) => out({
				pts: frame.timestamp / 1e6, width: frame.displayWidth, height: frame.displayHeight, close: () => frame.close(),
				draw: (context) => context.drawImage(frame, 0, 0),
			}),
			error: fail,
		});
		this.coding = "";
		this.reset();
	}

	// reset has it begin with a key frame.
	reset() { this.waits = true; }

	decode(data, pts) {
		let key = false;
		for (const unit of units(data)) {
			const type = unit[0] & 0x1f;
			if (type === 5) key = true;
			if (type === 7) this.configure([...unit.subarray(1, 4)].map((b) => b.toString(16).padStart(2, "0")).join(""));
		}
		if (!this.coding || this.waits && !key) return;
		this.waits = false;
		this.video.decode(new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp: Math.round(pts * 1e6), data }));
	}

	configure(coding) {
		if (coding === this.coding) return;
		this.video.configure({ codec: `avc1.${coding}`, optimizeForLatency: true });
		this.coding = coding;
		this.waits = true;
	}

	close() {
		if (this.video.state !== "closed") this.video.close();
	}
}

const aacRates = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];

// frame reads the header of a frame of AAC in ADTS or of MPEG audio, null where
// there is none. own is set where this page decodes it.
function frame(d, at) {
	if (d[at] !== 0xff) return null;
	if ((d[at + 1] & 0xf6) === 0xf0) {
		return { codec: "mp4a.40.2", rate: aacRates[d[at + 2] >> 2 & 15], samples: 1024,
			channels: (d[at + 2] & 1) << 2 | d[at + 3] >> 6, length: (d[at + 3] & 3) << 11 | d[at + 4] << 3 | d[at + 5] >> 5 };
	}
	const two = layer2(d, at);
	if (two) return { ...two, own: true, samples: 1152 };
	if ((d[at + 1] & 0xf6) !== 0xf2) return null;
	const lsf = !(d[at + 1] & 8), index = d[at + 2] >> 4, rate = [44100, 48000, 32000][d[at + 2] >> 2 & 3] >> lsf;
	const kilobit = lsf ? [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160][index] : [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320][index];
	if (!kilobit || !rate) return null;
	return { codec: "mp3", rate, samples: lsf ? 576 : 1152, channels: d[at + 3] >> 6 === 3 ? 1 : 2,
		length: Math.floor((lsf ? 72000 : 144000) * kilobit / rate) + (d[at + 2] >> 1 & 1) };
}

class Audio {
	constructor(out, fail) {
		Object.assign(this, { out, fail, rest: new Uint8Array(0), own: new MP2(), browser: null, config: "" });
	}

	reset() { this.rest = new Uint8Array(0); }

	// decode takes frames; the end of one may come with the next data.
	decode(data, pts) {
		const all = new Uint8Array(this.rest.length + data.length);
		all.set(this.rest);
		all.set(data, this.rest.length);
		let at = 0, f;
		for (; at + 7 < all.length; at += f.length) {
			f = frame(all, at);
			if (!f?.length) {
				at++;
				f = { length: 0 };
				continue;
			}
			if (at + f.length > all.length) break;
			this.one(f, all.subarray(at, at + f.length), pts);
			pts += f.samples / f.rate;
		}
		this.rest = all.slice(at);
	}

	one(f, data, pts) {
		if (f.own) {
			this.out(pts, f.rate, this.own.decode(data));
			return;
		}
		const config = JSON.stringify([f.codec, f.rate, f.channels]);
		if (config !== this.config) {
			this.config = config;
			this.close();
			const AudioDecoder = browser("AudioDecoder", f.codec === "mp3" ? "MP3" : "AAC");
			this.browser = new AudioDecoder({ output: (sound) => this.decoded(sound), error: this.fail });
			this.browser.configure({ codec: f.codec, sampleRate: f.rate, numberOfChannels: f.channels });
		}
		this.browser.decode(new EncodedAudioChunk({ type: "key", timestamp: Math.round(pts * 1e6), data }));
	}

	decoded(sound) {
		const channels = Array.from({ length: sound.numberOfChannels }, (_, planeIndex) => {
			const samples = new Float32Array(sound.numberOfFrames);
			sound.copyTo(samples, { planeIndex, format: "f32-planar" });
			return samples;
		});
		this.out(sound.timestamp / 1e6, sound.sampleRate, channels);
		sound.close();
	}

	close() {
		if (this.browser && this.browser.state !== "closed") this.browser.close();
	}
}
