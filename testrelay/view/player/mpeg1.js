// MPEG-1 video (ISO/IEC 11172-2) is decoded: intra and predicted pictures.
// Bidirectional ones are left out: nothing refers to them.

// The codes of annex B, in the order of what they stand for.
const addresses = `1 011 010 0011 0010 00011 00010 0000111 0000110 00001011 00001010 00001001 00001000 00000111 00000110
	0000010111 0000010110 0000010101 0000010100 0000010011 0000010010 00000100011 00000100010 00000100001
	00000100000 00000011111 00000011110 00000011101 00000011100 00000011011 00000011010 00000011001 00000011000`;
const patterns = `01011 01001 001101 1101 0010111 0010011 00011111 1100 0010110 0010010 00011110 10011 00011011 00010111
	00010011 1011 0010101 0010001 00011101 10001 00011001 00010101 00010001 001111 00001111 00001101 000000011
	01111 00001011 00000111 000000111 1010 0010100 0010000 00011100 001110 00001110 00001100 000000010 10000
	00011000 00010100 00010000 01110 00001010 00000110 000000110 10010 00011010 00010110 00010010 01101 00001001
	00000101 000000101 01100 00001000 00000100 000000100 111 01010 01000 001100`;
const motions = `1 01 001 0001 000011 0000101 0000100 0000011 000001011 000001010 000001001 0000010001 0000010000 0000001111
	0000001110 0000001101 0000001100`;
const lumaSizes = `100 00 01 101 110 1110 11110 111110 1111110`;
const chromaSizes = `00 01 10 110 1110 11110 111110 1111110 11111110`;
// by run, the codes of levels 1, 2, …
const coefficients = `11 0100 00101 0000110 00100110 00100001 0000001010 000000011101 000000011000 000000010011 000000010000 0000000011010 0000000011001 0000000011000 0000000010111 00000000011111 00000000011110 00000000011101 00000000011100 00000000011011 00000000011010 00000000011001 00000000011000 00000000010111 00000000010110 00000000010101 00000000010100 00000000010011 00000000010010 00000000010001 00000000010000 000000000011000 000000000010111 000000000010110 000000000010101 000000000010100 000000000010011 000000000010010 000000000010001 000000000010000
	011 000110 00100101 0000001100 000000011011 0000000010110 0000000010101 000000000011111 000000000011110 000000000011101 000000000011100 000000000011011 000000000011010 000000000011001 0000000000010011 0000000000010010 0000000000010001 0000000000010000
	0101 0000100 0000001011 000000010100 0000000010100
	00111 00100100 000000011100 0000000010011
	00110 0000001111 000000010010
	000111 0000001001 0000000010010
	000101 000000011110 0000000000010100
	000100 000000010101
	0000111 000000010001
	0000101 0000000010001
	00100111 0000000010000
	00100011 0000000000011010
	00100010 0000000000011001
	00100000 0000000000011000
	0000001110 0000000000010111
	0000001101 0000000000010110
	0000001000 0000000000010101
	000000011111
	000000011010
	000000011001
	000000010111
	000000010110
	0000000011111
	0000000011110
	0000000011101
	0000000011100
	0000000011011
	0000000000011111
	0000000000011110
	0000000000011101
	0000000000011100
	0000000000011011`;
const zigzag = [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63];
const intraWeights = [8, 16, 19, 22, 26, 27, 29, 34, 16, 16, 22, 24, 27, 29, 34, 37, 19, 22, 26, 27, 29, 34, 34, 38, 22, 22, 26, 27, 29, 34, 37, 40,
	22, 26, 27, 29, 32, 35, 40, 48, 26, 27, 29, 32, 35, 40, 48, 58, 26, 27, 29, 34, 38, 46, 56, 69, 27, 29, 35, 38, 46, 56, 69, 83];

const INTRA = 1, PATTERN = 2, FORWARD = 4, QUANT = 8;
const intraTypes = table([["1", INTRA], ["01", INTRA | QUANT]]);
const predictedTypes = table([["1", FORWARD | PATTERN], ["01", PATTERN], ["001", FORWARD], ["00011", INTRA],
	["00010", FORWARD | PATTERN | QUANT], ["00001", PATTERN | QUANT], ["000001", INTRA | QUANT]]);
const STUFFING = 34, ESCAPE = 35, END = 0xffff, ESCAPED = 0xfffe;
const addressTable = table([...counted(addresses, 1), ["00000001111", STUFFING], ["00000001000", ESCAPE]]);
const patternTable = table([...counted(patterns, 1), ["000000001", 0]]);
const motionTable = table(counted(motions, 0));
const sizeTables = [table(counted(lumaSizes, 0)), table(counted(chromaSizes, 0))];
const coefficientTable = table([["10", END], ["000001", ESCAPED],
	...coefficients.split("\n").flatMap((line, run) => counted(line, 1).map(([code, level]) => [code, run << 8 | level]))]);

function counted(codes, first) {
	return codes.trim().split(/\s+/).map((code, i) => [code, first + i]);
}

// table has for the next bits of the longest code what they begin with: the
// length of a code times 2^16, and its value.
function table(codes) {
	const bits = Math.max(...codes.map(([code]) => code.length));
	const found = new Int32Array(1 << bits).fill(-1);
	for (const [code, value] of codes) {
		const free = bits - code.length, from = parseInt(code, 2) << free;
		found.fill(code.length << 16 | value, from, from + (1 << free));
	}
	return { bits, found };
}

class Bits {
	constructor(bytes) {
		this.bytes = bytes;
		this.at = 0; // in bits
	}

	// peek returns the next n bits, 24 at most. Beyond the end there are zeros.
	peek(n) {
		const i = this.at >> 3, b = this.bytes;
		const four = (b[i] << 24 | b[i + 1] << 16 | b[i + 2] << 8 | b[i + 3]) << (this.at & 7);
		return n ? four >>> (32 - n) : 0;
	}

	read(n) {
		const value = this.peek(n);
		this.at += n;
		return value;
	}

	code({ bits, found }) {
		const entry = found[this.peek(bits)];
		if (entry < 0) throw new RangeError("no such code");
		this.at += entry >> 16;
		return entry & 0xffff;
	}
}

export class MPEG1 {
	// onPicture is called with {pts, width, height, y, cb, cr, stride}.
	constructor(onPicture) {
		this.onPicture = onPicture;
		this.weights = [intraWeights, new Array(64).fill(16)];
		this.block = new Float32Array(64);
		this.reset();
	}

	// reset has it begin with an intra picture.
	reset() { this.before = null; }

	// decode takes the pictures of one PES packet.
	decode(data, pts) {
		const starts = [];
		for (let i = 0; i + 3 < data.length; i++) {
			if (data[i] === 0 && data[i + 1] === 0 && data[i + 2] === 1) starts.push(i += 3);
		}
		starts.forEach((at, i) => {
			const end = i + 1 < starts.length ? starts[i + 1] - 3 : data.length;
			const code = data[at], bits = new Bits(data.subarray(at + 1, end));
			if (code === 0xb3) this.sequence(bits);
			else if (code === 0xb5) throw new Error("This is MPEG-2 video, which browsers cannot play. Have ffmpeg send -c:v mpeg1video or H.264.");
			else if (code === 0) this.picture(bits, pts);
			else if (code <= 0xaf && this.now) this.slice(bits, code);
		});
		this.done();
	}

	sequence(bits) {
		const width = bits.read(12), height = bits.read(12);
		bits.at += 8 + 18 + 1 + 10 + 1;
		const custom = (standard) => {
			if (!bits.read(1)) return standard;
			const weights = new Array(64);
			for (const i of zigzag) weights[i] = bits.read(8);
			return weights;
		};
		this.weights = [custom(intraWeights), custom(new Array(64).fill(16))];
		if (width !== this.width || height !== this.height) this.reset();
		Object.assign(this, { width, height, columns: (width + 15) >> 4, rows: (height + 15) >> 4 });
	}

	picture(bits, pts) {
		this.done();
		bits.at += 10;
		this.type = bits.read(3);
		if (!this.width || this.type > 2 || this.type === 2 && !this.before) return;
		bits.at += 16;
		if (this.type === 2) {
			this.full = bits.read(1);
			this.size = bits.read(3) - 1;
		}
		const stride = this.columns * 16, luma = stride * this.rows * 16;
		this.now = { pts, width: this.width, height: this.height, stride,
			y: new Uint8ClampedArray(luma), cb: new Uint8ClampedArray(luma / 4), cr: new Uint8ClampedArray(luma / 4) };
		if (this.before) for (const plane of ["y", "cb", "cr"]) this.now[plane].set(this.before[plane]); // where a slice is missing
	}

	// done hands over the picture whose slices have come.
	done() {
		if (!this.now) return;
		this.onPicture(this.before = this.now);
		this.now = null;
	}

	slice(bits, row) {
		this.quantizer = bits.read(5);
		while (bits.read(1)) bits.at += 8;
		this.address = (row - 1) * this.columns - 1;
		this.forget();
		const last = this.columns * this.rows - 1, end = bits.bytes.length * 8;
		try {
			for (let first = true; bits.at < end && (first || bits.peek(Math.min(23, end - bits.at))); first = false) {
				let step = 0, code = bits.code(addressTable);
				while (code >= STUFFING) {
					if (code === ESCAPE) step += 33;
					code = bits.code(addressTable);
				}
				step += code;
				if (!first && step > 1) {
					this.forget();
					if (this.type === 2) while (step > 1 && this.address < last) {
						this.address++;
						step--;
						this.predict();
					}
				}
				this.address += step;
				if (this.address > last) return;
				this.macroblock(bits);
			}
		} catch (error) {
			if (!(error instanceof RangeError)) throw error; // the rest of a damaged slice is left out
		}
	}

	// forget resets what is predicted from one macroblock to the next.
	forget() {
		this.dc = [1024, 1024, 1024];
		this.right = this.down = 0;
	}

	macroblock(bits) {
		const type = bits.code(this.type === 1 ? intraTypes : predictedTypes);
		if (type & QUANT) this.quantizer = bits.read(5);
		if (type & INTRA) this.right = this.down = 0;
		else {
			this.dc = [1024, 1024, 1024];
			if (type & FORWARD) {
				this.right = this.motion(bits, this.right);
				this.down = this.motion(bits, this.down);
			} else this.right = this.down = 0;
			this.predict();
		}
		const pattern = type & INTRA ? 63 : type & PATTERN ? bits.code(patternTable) : 0;
		for (let i = 0; i < 6; i++) {
			if (pattern & 32 >> i) this.coded(bits, i, type & INTRA);
		}
	}

	motion(bits, before) {
		const code = bits.code(motionTable), range = 16 << this.size;
		let step = code;
		if (code) {
			const negative = bits.read(1);
			if (this.size) step = ((code - 1) << this.size) + bits.read(this.size) + 1;
			if (negative) step = -step;
		}
		let sum = before + step;
		if (sum >= range) sum -= 2 * range;
		else if (sum < -range) sum += 2 * range;
		return sum;
	}

	// predict copies a macroblock from the picture before, by half pixels.
	predict() {
		const scale = this.full ? 2 : 1, right = this.right * scale, down = this.down * scale;
		const x = this.address % this.columns * 16, y = Math.floor(this.address / this.columns) * 16, { stride } = this.now;
		copy(this.now.y, this.before.y, stride, this.rows * 16, x, y, right, down, 16);
		for (const plane of ["cb", "cr"]) {
			copy(this.now[plane], this.before[plane], stride / 2, this.rows * 8, x / 2, y / 2, right / 2 | 0, down / 2 | 0, 8);
		}
	}

	// coded decodes a block of 8 by 8: four of luma, then Cb and Cr.
	coded(bits, i, intra) {
		const b = this.block.fill(0), weights = this.weights[intra ? 0 : 1], q = this.quantizer;
		let n = 0;
		if (intra) {
			const part = Math.max(0, i - 3), size = bits.code(sizeTables[part ? 1 : 0]);
			if (size) {
				const step = bits.read(size);
				this.dc[part] += (step >> (size - 1) ? step : step - (1 << size) + 1) * 8;
			}
			b[0] = this.dc[part];
			n = 1;
		}
		for (let first = !intra; ; first = false) {
			let run, level;
			if (first && bits.peek(1)) {
				bits.at++;
				run = 0;
				level = bits.read(1) ? -1 : 1;
			} else {
				const code = bits.code(coefficientTable);
				if (code === END) break;
				if (code === ESCAPED) {
					run = bits.read(6);
					level = bits.read(8);
					if (level === 0) level = bits.read(8);
					else if (level === 128) level = bits.read(8) - 256;
					else if (level > 128) level -= 256;
				} else {
					run = code >> 8;
					level = bits.read(1) ? -(code & 255) : code & 255;
				}
			}
			n += run;
			if (n > 63) throw new RangeError("too many coefficients");
			const at = zigzag[n++];
			let value = Math.trunc((2 * level + (intra ? 0 : Math.sign(level))) * q * weights[at] / 16);
			if (!(value & 1)) value -= Math.sign(value);
			b[at] = Math.max(-2048, Math.min(2047, value));
		}
		inverse(b);
		this.put(i, b, intra);
	}

	put(i, b, intra) {
		const { stride } = this.now, column = this.address % this.columns, row = Math.floor(this.address / this.columns);
		const plane = i < 4 ? this.now.y : i === 4 ? this.now.cb : this.now.cr;
		const width = i < 4 ? stride : stride / 2;
		let at = i < 4 ? (row * 16 + (i >> 1) * 8) * width + column * 16 + (i & 1) * 8 : row * 8 * width + column * 8;
		for (let k = 0; k < 64; k += 8, at += width) {
			for (let j = 0; j < 8; j++) plane[at + j] = intra ? b[k + j] : plane[at + j] + b[k + j];
		}
	}
}

// copy moves a square of size pixels, by right and down half pixels.
function copy(to, from, stride, height, x, y, right, down, size) {
	const left = Math.max(0, Math.min(stride - size, x + (right >> 1))), top = Math.max(0, Math.min(height - size, y + (down >> 1)));
	const across = right & 1 && left + size < stride ? 1 : 0, below = down & 1 && top + size < height ? stride : 0;
	let a = top * stride + left, b = y * stride + x;
	for (let row = 0; row < size; row++, a += stride, b += stride) {
		for (let i = 0; i < size; i++) {
			const p = a + i;
			if (across && below) to[b + i] = (from[p] + from[p + 1] + from[p + below] + from[p + below + 1] + 2) >> 2;
			else if (across || below) to[b + i] = (from[p] + from[p + across + below] + 1) >> 1;
			else to[b + i] = from[p];
		}
	}
}

// The inverse DCT: cosines[i] is that of i sixteenths of pi, half of it.
const cosines = Array.from({ length: 8 }, (_, i) => Math.cos(i * Math.PI / 16) / 2);
const [, c1, c2, c3, c4, c5, c6, c7] = cosines;

function inverse(b) {
	for (let i = 0; i < 64; i += 8) transform(b, i, 1);
	for (let i = 0; i < 8; i++) transform(b, i, 8);
}

function transform(b, at, by) {
	const s0 = b[at], s1 = b[at + by], s2 = b[at + 2 * by], s3 = b[at + 3 * by];
	const s4 = b[at + 4 * by], s5 = b[at + 5 * by], s6 = b[at + 6 * by], s7 = b[at + 7 * by];
	if (!s1 && !s2 && !s3 && !s4 && !s5 && !s6 && !s7) {
		const flat = s0 * c4;
		for (let i = 0; i < 8; i++) b[at + i * by] = flat;
		return;
	}
	const p = (s0 + s4) * c4, m = (s0 - s4) * c4, r = s2 * c2 + s6 * c6, t = s2 * c6 - s6 * c2;
	const e0 = p + r, e1 = m + t, e2 = m - t, e3 = p - r;
	const o0 = s1 * c1 + s3 * c3 + s5 * c5 + s7 * c7, o1 = s1 * c3 - s3 * c7 - s5 * c1 - s7 * c5;
	const o2 = s1 * c5 - s3 * c1 + s5 * c7 + s7 * c3, o3 = s1 * c7 - s3 * c5 + s5 * c3 - s7 * c1;
	b[at] = e0 + o0;
	b[at + 7 * by] = e0 - o0;
	b[at + by] = e1 + o1;
	b[at + 6 * by] = e1 - o1;
	b[at + 2 * by] = e2 + o2;
	b[at + 5 * by] = e2 - o2;
	b[at + 3 * by] = e3 + o3;
	b[at + 4 * by] = e3 - o3;
}

// paint returns the picture in RGBA (ITU-R BT.601).
export function paint({ y, cb, cr, width, height, stride }) {
	const image = new ImageData(width, height), { data } = image;
	for (let row = 0, to = 0; row < height; row++) {
		for (let i = 0; i < width; i++, to += 4) {
			const c = (row >> 1) * (stride >> 1) + (i >> 1);
			const l = 1.164 * (y[row * stride + i] - 16), u = cb[c] - 128, v = cr[c] - 128;
			data[to] = l + 1.596 * v;
			data[to + 1] = l - 0.392 * u - 0.813 * v;
			data[to + 2] = l + 2.017 * u;
			data[to + 3] = 255;
		}
	}
	return image;
}
