// MPEG audio, layer II (ISO/IEC 11172-3 and 13818-3), is decoded.

const rates = [44100, 48000, 32000];
const kilobits = [[0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384], [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]];

// The quantizers of tables B.2: a line has the number of subbands that it is
// for, and the steps that an allocation stands for, the bits of which it has.
const fine = [3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 16383, 32767, 65535];
const middle = [3, 5, 7, 9, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 65535];
const coarse = [3, 5, 9, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 16383, 32767];
const wide = (subbands) => [[3, 4, fine], [8, 4, middle], [12, 3, [3, 5, 7, 9, 15, 31, 65535]], [subbands - 23, 2, [3, 5, 65535]]];
const narrow = (subbands) => [[2, 4, coarse], [subbands - 2, 3, [3, 5, 9, 15, 31, 63, 127]]];
const low = [[4, 4, [3, 5, 7, 9, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 16383]], [7, 3, [3, 5, 9, 15, 31, 63, 127]], [19, 2, [3, 5, 9]]];
const spread = (lines) => lines.flatMap(([count, bits, steps]) => new Array(count).fill({ bits, steps }));
const tables = { a: spread(wide(27)), b: spread(wide(30)), c: spread(narrow(8)), d: spread(narrow(12)), low: spread(low) };

// The synthesis window D (table B.3) to its middle, times 65536.
const half = `0,-1,-1,-1,-1,-1,-1,-2,-2,-2,-2,-3,-3,-4,-4,-5,-5,-6,-7,-7,-8,-9,-10,-11,-13,-14,-16,-17,-19,-21,-24,-26,-29,-31,-35,-38,-41,-45,-49,-53,-58
	,-63,-68,-73,-79,-85,-91,-97,-104,-111,-117,-125,-132,-139,-147,-154,-161,-169,-176,-183,-190,-196,-202,-208,213,218,222,225,227,228,228,227
	,224,221,215,208,200,189,177,163,146,127,106,83,57,29,-2,-36,-72,-111,-153,-197,-244,-294,-347,-401,-459,-519,-581,-645,-711,-779,-848,-919,
	-991,-1064,-1137,-1210,-1283,-1356,-1428,-1498,-1567,-1634,-1698,-1759,-1817,-1870,-1919,-1962,-2001,-2032,-2057,-2075,-2085,-2087,-2080,-20
	63,2037,2000,1952,1893,1822,1739,1644,1535,1414,1280,1131,970,794,605,402,185,-45,-288,-545,-814,-1095,-1388,-1692,-2006,-2330,-2663,-3004,-
	3351,-3705,-4063,-4425,-4788,-5153,-5517,-5879,-6237,-6589,-6935,-7271,-7597,-7910,-8209,-8491,-8755,-8998,-9219,-9416,-9585,-9727,-9838,-99
	16,-9959,-9966,-9935,-9863,-9750,-9592,-9389,-9139,-8840,-8492,-8092,-7640,-7134,6574,5959,5288,4561,3776,2935,2037,1082,70,-998,-2122,-3300
	,-4533,-5818,-7154,-8540,-9975,-11455,-12980,-14548,-16155,-17799,-19478,-21189,-22929,-24694,-26482,-28289,-30112,-31947,-33791,-35640,-374
	89,-39336,-41176,-43006,-44821,-46617,-48390,-50137,-51853,-53534,-55178,-56778,-58333,-59838,-61289,-62684,-64019,-65290,-66494,-67629,-686
	92,-69679,-70590,-71420,-72169,-72835,-73415,-73908,-74313,-74630,-74856,-74992,75038`.replace(/\s/g, "").split(",").map(Number);
const synthesis = Float32Array.from({ length: 512 }, (_, i) => (i <= 256 ? half[i] : half[512 - i] * (i % 64 ? -1 : 1)) / 65536);
const matrix = Float32Array.from({ length: 2048 }, (_, i) => Math.cos((16 + (i >> 5)) * (2 * (i & 31) + 1) * Math.PI / 64));

// header reads what is at the start of a frame, or returns null.
export function header(d, at = 0) {
	if (d[at] !== 0xff || (d[at + 1] & 0xf6) !== 0xf4) return null; // layer II
	const lsf = d[at + 1] & 8 ? 0 : 1, index = d[at + 2] >> 4, rate = rates[d[at + 2] >> 2 & 3] >> lsf, mode = d[at + 3] >> 6;
	const kilobit = kilobits[lsf][index];
	if (!kilobit || !rate) return null;
	const channels = mode === 3 ? 1 : 2, each = kilobit / channels;
	const table = lsf ? "low" : each <= 48 ? (rate === 32000 ? "d" : "c") : each <= 80 || rate === 48000 ? "a" : "b";
	return { rate, channels, table, protected: !(d[at + 1] & 1), length: Math.floor(144000 * kilobit / rate) + (d[at + 2] >> 1 & 1),
		bound: mode === 1 ? ((d[at + 3] >> 4 & 3) + 1) * 4 : 32 };
}

export class MP2 {
	constructor() {
		this.v = [new Float32Array(1024), new Float32Array(1024)];
		this.at = [0, 0];
	}

	// decode returns the samples of one frame, channel by channel.
	decode(d) {
		const h = header(d), table = tables[h.table], out = Array.from({ length: h.channels }, () => new Float32Array(1152));
		let at = h.protected ? 48 : 32;
		const read = (n) => {
			let value = 0;
			for (; n > 0; n--, at++) value = value << 1 | (d[at >> 3] >> (7 - (at & 7)) & 1);
			return value;
		};
		const bands = table.map((line, band) => {
			const both = band < h.bound || h.channels === 1;
			const first = read(line.bits), second = h.channels < 2 ? 0 : both ? read(line.bits) : first;
			return [first, second].slice(0, h.channels).map((a) => ({ steps: a ? line.steps[a - 1] : 0, samples: [0, 0, 0] }));
		});
		const used = bands.flat().filter((c) => c.steps);
		for (const c of used) c.select = read(2);
		for (const c of used) {
			const s = [read(6)];
			if (c.select === 0) s.push(read(6), read(6));
			else if (c.select === 2) s.push(s[0], s[0]);
			else if (c.select === 1) s.push(s[0], read(6));
			else s.push(...new Array(2).fill(read(6)));
			c.scales = s.map((index) => 2 ** (1 - index / 3));
		}
		for (let granule = 0; granule < 12; granule++) {
			bands.forEach((band, i) => {
				for (const [k, c] of band.entries()) {
					if (!c.steps) continue;
					if (k && i >= h.bound) c.raw = band[0].raw;
					else c.raw = triple(c.steps, read);
					const scale = c.scales[granule >> 2] / c.steps;
					c.samples = c.raw.map((value) => (2 * value - c.steps + 1) * scale);
				}
			});
			for (let k = 0; k < h.channels; k++) {
				for (let s = 0; s < 3; s++) this.synthesize(k, bands.map((band) => band[k].samples[s]), out[k], granule * 96 + s * 32);
			}
		}
		return out;
	}

	// synthesize makes 32 samples of one of each subband.
	synthesize(k, bands, out, to) {
		const v = this.v[k], start = this.at[k] = (this.at[k] - 64) & 1023;
		for (let i = 0; i < 64; i++) {
			let sum = 0;
			for (let j = 0; j < bands.length; j++) sum += matrix[i << 5 | j] * bands[j];
			v[start + i] = sum;
		}
		for (let j = 0; j < 32; j++) {
			let sum = 0;
			for (let i = 0; i < 8; i++) {
				sum += v[start + i * 128 + j & 1023] * synthesis[i * 64 + j] + v[start + i * 128 + 96 + j & 1023] * synthesis[i * 64 + 32 + j];
			}
			out[to + j] = sum;
		}
	}
}

// triple reads three samples; those of 3, 5 and 9 steps are one number.
function triple(steps, read) {
	const bits = Math.ceil(Math.log2(steps));
	if (steps !== 3 && steps !== 5 && steps !== 9) return [read(bits), read(bits), read(bits)];
	const all = read({ 3: 5, 5: 7, 9: 10 }[steps]);
	return [all % steps, Math.floor(all / steps) % steps, Math.floor(all / steps / steps)];
}
