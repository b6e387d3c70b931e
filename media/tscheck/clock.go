package tscheck

import "vw/media/mpegts"

// pcrJitter is how far a PCR may go back: the rounding of one who stamps in
// milliseconds.
const pcrJitter = mpegts.PCRHz / 1000

// A clock is a program's time, in 1/27,000,000 s since its first PCR.
type clock struct {
	running bool
	seen    uint64 // the last PCR
	anchor  uint64 // the last PCR that was judged; differs while one is held
	now     int64  // stream time at anchor
	active  int64  // now without the silences
	first   int64  // the packet of the first PCR, counted from 1; 0: none yet
	last    int64  // the packet of the last PCR

	// Since anchor: the time stamps, and by how much the latest of them went
	// forward, in all and at most at once.
	window  []stamp
	front   uint64 // the latest DTS
	fronted bool
	total   int64
	hole    int64
	told    bool // the lack of a PCR has been counted
	doubted bool // a PCR has jumped, and the stamps behind it are to tell whether all was silent
	fresh   bool // there are some

	pcrs     int64
	gaps     int64 // TR 2.3
	longest  int64 // between two PCRs, silences excepted
	jumps    int64
	reverses int64
	silences int64
	silence  int64 // in all
	widest   int64 // the longest silence
}

// A stamp is the beginning of one PES packet.
type stamp struct {
	pid      uint16
	pts, dts uint64
	step     int64 // from the track's DTS before, in 1/90,000 s
	follows  bool  // there was one, and it was earlier
	late     int64 // from the end of what came before, in 1/90,000 s
	most     int64 // that is no hole, likewise
	overlap  int64 // with the frames of the PES packet before, likewise
	crowds   bool  // it is a picture that comes too near to the one before
}

// stamped follows the latest DTS of all tracks, and tells when PCRs have
// ceased.
func (k *clock) stamped(dts uint64, l limits) {
	k.fresh = true
	if d := mpegts.PTSDelta(dts, k.front) * 300; k.fronted && d > 0 {
		k.total += d
		k.hole = max(k.hole, d)
		k.front = dts
	} else if !k.fronted {
		k.front, k.fronted = dts, true
	}
	if k.running && k.total-k.hole > l.pcrInterval+l.jump {
		k.gap(k.total - k.hole)
	}
}

// gap counts a lack of PCRs, once.
func (k *clock) gap(length int64) {
	k.longest = max(k.longest, length)
	if !k.told {
		k.told = true
		k.gaps++
	}
}

// A passage is what lies between two PCRs.
type passage int

const (
	on      passage = iota // time went on
	held                   // a jump or a silence: the next stamps will tell
	broken                 // a jump, or a step back
	rebased                // a new time base, announced (ISO 2.4.3.5)
)

// step judges a PCR against the one before, and against the time stamps
// between the two.
func (k *clock) step(pcr uint64, discontinuity bool, l limits) passage {
	back := mpegts.PCRDelta(pcr, k.seen) < -pcrJitter
	soon := k.doubted && mpegts.PCRDelta(pcr, k.seen) <= l.pcrInterval // after the one that is held
	k.seen = pcr
	d := mpegts.PCRDelta(pcr, k.anchor)
	switch {
	case !k.running:
		k.running = true
		return broken
	case discontinuity:
		k.fronted = false
		return rebased
	case back:
		if k.doubted {
			k.jumps++
		}
		k.reverses++
		return broken
	case d <= l.pcrInterval:
		k.longest = max(k.longest, d)
		k.pass(d, d)
	case d > l.jump && (len(k.window) == 0 || d-k.total > l.jump && !(k.doubted && k.fresh)):
		k.doubted, k.fresh = true, false
		return held
	case d > l.jump && d-k.total > l.jump && !k.borneOut(pcr):
		k.jumps++
		return broken
	case k.total-k.hole > min(l.pcrInterval, d/2) && !soon: // stamps came, PCRs did not
		k.gap(max(d-k.hole, l.pcrInterval))
		k.pass(d, max(d-k.hole, 0))
	case d > l.jump && d > l.silence:
		k.jumps++
		return broken
	default:
		k.silences++
		k.silence += d
		k.widest = max(k.widest, d)
		k.pass(d, min(max(d-k.hole, 0), l.pcrInterval))
	}
	return on
}

// borneOut reports whether the stamps have come as far as a PCR that jumped: of
// another track perhaps, which is sent less early than the one before.
func (k *clock) borneOut(pcr uint64) bool { return mpegts.PTSDelta(k.front, pcr/300) >= -maxLate }

func (k *clock) pass(d, active int64) {
	k.now += d
	k.active += active
}

// restart begins what lies behind a PCR. The latest DTS is taken anew from
// what lay before, so that a single wrong one does not stay.
func (k *clock) restart(pcr uint64) {
	if len(k.window) > 0 {
		k.front = k.window[0].dts
		for _, s := range k.window[1:] {
			if mpegts.PTSDelta(s.dts, k.front) > 0 {
				k.front = s.dts
			}
		}
	}
	k.anchor = pcr
	k.window, k.total, k.hole, k.told = k.window[:0], 0, 0, false
	k.doubted, k.fresh = false, false
}

// A watch is the time of a stream whose tables are not known yet, in
// 1/27,000,000 s: it goes by the PCRs of one PID, and of another when that has
// none any more.
type watch struct {
	running bool
	now     int64
	pid     uint16
	last    uint64
	others  int // PCRs of other PIDs since the last one
}

// tick takes a PCR. A silence is no longer than most.
func (w *watch) tick(pid uint16, pcr uint64, most int64) {
	const patience = 16
	if pid != w.pid {
		if w.others++; w.running && w.others < patience {
			return
		}
		w.pid, w.last, w.running = pid, pcr, true
	}
	w.now += min(max(mpegts.PCRDelta(pcr, w.last), 0), most)
	w.last, w.others = pcr, 0
}
