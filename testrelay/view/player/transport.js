// A transport stream (ISO/IEC 13818-1) is taken apart: what the PES packets of
// its first program carry, track by track.

const size = 188;
const codings = {
	1: ["video", "mpeg"], 2: ["video", "mpeg"], 3: ["audio", "mpeg"], 4: ["audio", "mpeg"],
	15: ["audio", "aac"], 27: ["video", "h264"], 36: ["video", "H.265"], 17: ["audio", "AAC in LATM"], 129: ["audio", "AC-3"],
};

export class Demuxer {
	// onUnit is called with what one PES packet carries: {kind, coding, pts in
	// seconds, data}; onTracks with the codings that the PMT names.
	constructor(onTracks, onUnit) {
		Object.assign(this, { onTracks, onUnit, program: -1, tracks: new Map(), last: null });
	}

	write(bytes) {
		for (let at = 0; at + size <= bytes.length; at += size) {
			if (bytes[at] === 0x47) this.packet(bytes.subarray(at, at + size));
		}
	}

	packet(p) {
		const pid = (p[1] & 0x1f) << 8 | p[2], begins = (p[1] & 0x40) !== 0;
		const adaptation = p[3] & 0x20 ? 1 + p[4] : 0;
		if (p[1] & 0x80 || !(p[3] & 0x10) || 4 + adaptation >= size) return;
		const payload = p.subarray(4 + adaptation);
		if (pid === 0 && begins) this.association(payload.subarray(1 + payload[0]));
		else if (pid === this.program && begins) this.map(payload.subarray(1 + payload[0]));
		const track = this.tracks.get(pid);
		if (track) this.part(track, payload, begins);
	}

	association(s) {
		const end = Math.min(s.length, 3 + ((s[1] & 0x0f) << 8 | s[2])) - 4;
		for (let i = 8; i + 4 <= end; i += 4) {
			if (s[i] || s[i + 1]) {
				this.program = (s[i + 2] & 0x1f) << 8 | s[i + 3];
				return;
			}
		}
	}

	map(s) {
		const end = Math.min(s.length, 3 + ((s[1] & 0x0f) << 8 | s[2])) - 4;
		const found = new Map();
		for (let i = 12 + ((s[10] & 0x0f) << 8 | s[11]); i + 5 <= end; i += 5 + ((s[i + 3] & 0x0f) << 8 | s[i + 4])) {
			const [kind, coding] = codings[s[i]] ?? ["other", `stream type ${s[i]}`];
			if ([...found.values()].some((t) => t.kind === kind)) continue; // the first of each kind
			const pid = (s[i + 1] & 0x1f) << 8 | s[i + 2], known = this.tracks.get(pid);
			found.set(pid, known?.kind === kind && known.coding === coding ? known : { kind, coding, parts: [], length: 0, due: 0 });
		}
		const words = (tracks) => JSON.stringify([...tracks].map(([pid, t]) => [pid, t.kind, t.coding]));
		if (words(found) === words(this.tracks)) return;
		this.tracks = found;
		this.onTracks([...found.values()]);
	}

	// part adds to a PES packet, which is whole with its length, or where that
	// is open with the start of the next.
	part(track, payload, begins) {
		if (begins) {
			this.flush(track);
			const length = payload[4] << 8 | payload[5];
			track.due = length ? length + 6 : Infinity;
		} else if (!track.length) return;
		track.parts.push(payload);
		track.length += payload.length;
		if (track.length >= track.due) this.flush(track);
	}

	flush(track) {
		const data = new Uint8Array(track.length);
		let at = 0;
		for (const part of track.parts) {
			data.set(part, at);
			at += part.length;
		}
		track.parts = [];
		track.length = 0;
		if (data.length < 9 || data[0] || data[1] || data[2] !== 1) return;
		const pts = data[7] & 0x80 ? this.stamp(data) : null;
		this.onUnit({ kind: track.kind, coding: track.coding, pts, data: data.subarray(9 + data[8]) });
	}

	// stamp returns the PTS in seconds; the 33 bits wrap, it does not.
	stamp(d) {
		const wrap = 2 ** 33;
		let ticks = (d[9] & 0x0e) * 2 ** 29 + (d[10] << 22) + ((d[11] & 0xfe) << 14) + (d[12] << 7) + (d[13] >> 1);
		if (this.last !== null) ticks += Math.round((this.last - ticks) / wrap) * wrap;
		this.last = ticks;
		return ticks / 90000;
	}
}
