// The clock says which moment of the program is shown now, as near to what
// comes in as its jitter allows.

const least = 0.08, most = 0.5, jump = 3; // seconds
const now = () => performance.now() / 1000;

export class Clock {
	constructor() { this.reset(); }

	reset() {
		this.newest = null; // the latest PTS that has come in
		this.arrived = null;
	}

	// time returns the PTS that is due now, null where none is known.
	time() { return this.newest === null ? null : now() - this.shift; }

	// behind returns how much older what is shown is than what has come in.
	behind() { return this.newest === null ? null : Math.max(0, this.newest - this.time()); }

	// idle returns for how long nothing has come in.
	idle() { return this.arrived === null ? Infinity : now() - this.arrived; }

	// came notes that something of this PTS has come in. It reports whether the
	// program has jumped: what has been decoded before is of another time.
	came(pts) {
		const jumped = this.newest === null || Math.abs(pts - this.newest) > jump;
		this.arrived = now();
		this.newest = jumped ? pts : Math.max(this.newest, pts);
		if (jumped) this.set(pts, least);
		const margin = pts - this.time();
		if (margin < 0) this.set(pts, least);
		if (this.arrived > this.until) {
			if (this.margin > most) this.shift -= this.margin - least;
			this.margin = Infinity;
			this.until = this.arrived + 3;
		}
		this.margin = Math.min(this.margin, margin);
		return jumped;
	}

	// set has a PTS be due in so many seconds.
	set(pts, ahead) {
		this.shift = now() + ahead - pts;
		this.margin = ahead;
		this.until = now() + 3;
	}
}
