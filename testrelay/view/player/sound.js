// Sound is played at the clock's time, from the first click on: browsers want one.

const slack = 0.06; // seconds by which sound may be off before it jumps

export class Sound {
	constructor(clock) {
		Object.assign(this, { clock, context: null, next: 0 });
	}

	get on() { return this.context?.state === "running"; }

	// toggle is called by a click.
	async toggle() {
		if (!this.context) {
			this.context = new AudioContext({ latencyHint: "interactive" });
			this.meter = this.context.createAnalyser();
			this.meter.connect(this.context.destination);
			await this.context.resume();
		} else if (this.on) await this.context.suspend();
		else await this.context.resume();
		this.next = 0;
	}

	// level returns the peak of what is heard now, 0 to 1.
	level() {
		if (!this.on) return 0;
		const samples = new Float32Array(this.meter.fftSize);
		this.meter.getFloatTimeDomainData(samples);
		return samples.reduce((peak, s) => Math.max(peak, Math.abs(s)), 0);
	}

	play(pts, rate, channels) {
		if (!this.on) return;
		const due = this.context.currentTime + pts - this.clock.time();
		const off = due - this.next;
		if (off < -slack && this.next > this.context.currentTime) return; // this has been heard
		const at = Math.abs(off) <= slack ? this.next : due;
		if (at < this.context.currentTime) return;
		const buffer = this.context.createBuffer(channels.length, channels[0].length, rate);
		channels.forEach((samples, i) => buffer.copyToChannel(samples, i));
		const source = this.context.createBufferSource();
		source.buffer = buffer;
		source.connect(this.meter);
		source.start(at);
		this.next = at + buffer.duration;
	}
}
