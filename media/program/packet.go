package program

import "vw/media/mpegts"

// packet takes one packet in and appends what goes out for it: tables and PCR
// where they are due, and the packet itself in its new clothes. It returns the
// track that the packet went out of, nil where it did not.
func (p *Program) packet(dst []byte, f *feed, in mpegts.Packet, at int64) ([]byte, *track) {
	pid := in.PID()
	if p.psi(f, pid, in) {
		return dst, nil
	}
	t := f.find(pid)
	if t == nil && pid != f.pcrPID {
		p.refuse(f, pid)
		return dst, nil
	}
	if t != nil && !p.receive(t, in, at) {
		return dst, nil
	}
	send := t != nil && p.admit(t, in, at)
	p.refresh(at, psiInterval)
	if send && !t.slot.listed {
		p.stats.Surplus++
		send = false
	}
	if send {
		dst = t.slot.announce(p.bridge(dst, t.slot, at))
	}
	pcr, timed, jumps := p.readPCR(f, pid, in, at)
	if !send && !timed {
		return dst, nil
	}
	dst = p.appendTables(dst, at)
	dst = p.fillPCR(dst, f, at)
	if timed && (!send || t.slot != p.clock) {
		dst = p.appendPCR(dst, pcr, at)
		last(dst).SetDiscontinuity(jumps)
		timed = false
	}
	if !send {
		return dst, nil
	}
	dst = p.send(dst, t, in, pcr, timed, at)
	last(dst).SetDiscontinuity(timed && jumps) // the counters do not jump (2.4.3.5)
	return dst, t
}

// owes reports whether tables or a PCR of the program's own have to come before
// the next packet.
func (p *Program) owes(f *feed, at int64) bool {
	p.refresh(at, psiInterval)
	return p.tables.due || p.lacksPCR(f, at, pcrInterval)
}

// goOn appends packets that only go on with the payload of t's last one.
func (p *Program) goOn(dst []byte, t *track, src []byte) []byte {
	begin := len(dst)
	dst = append(dst, src...)
	for out := range mpegts.Packets(dst[begin:]) {
		out.SetPID(t.slot.pid)
		out.SetContinuity(t.slot.cc)
		t.slot.cc++
		if t.slot.keeps {
			t.slot.keep(out, false)
		}
		p.stats.Sent++
	}
	if len(src) > 0 {
		t.counter.Restart(mpegts.Packet(src[len(src)-mpegts.PacketSize:]))
	}
	return dst
}

// last is the packet that was appended last.
func last(dst []byte) mpegts.Packet { return mpegts.Packet(dst[len(dst)-mpegts.PacketSize:]) }

// psi takes the packets that carry the feed's tables (2.4.4).
func (p *Program) psi(f *feed, pid uint16, in mpegts.Packet) bool {
	if !f.program.Carries(pid) {
		return false
	}
	if f.program.Feed(in) {
		p.adopt(f)
	}
	return true
}

// refuse counts a packet that belongs to no track of the feed. Stuffing and
// what the service information says (EN 300 468, 5.1.3) is not missed.
func (p *Program) refuse(f *feed, pid uint16) {
	switch {
	case pid < pmtPID || pid == mpegts.NullPID:
	case !f.program.Known:
		p.stats.Early++
	default:
		p.stats.Unselected++
	}
}

// receive follows the source of t: its counter and, where a PES packet opens,
// its stamps, whether the packet is to go out or not. It reports false for a
// duplicate.
func (p *Program) receive(t *track, in mpegts.Packet, at int64) bool {
	pes, opens := in.PES()
	switch step := t.follow(in, pes); {
	case step.Repeats():
		p.stats.Duplicate++
		return false
	case step == mpegts.Gap:
		p.stats.Gaps++
	}
	if opens {
		p.observe(t, pes, at)
	}
	return true
}

// admit reports whether a packet of t goes out.
func (p *Program) admit(t *track, in mpegts.Packet, at int64) bool {
	switch {
	case !in.HasPayload():
	case t.slot == nil && !t.selected:
		p.stats.Unselected++
	case t.slot == nil && t.goal == nil:
		p.stats.Surplus++
	case !p.place(t, in, at):
		p.stats.Waiting++
	default:
		return true
	}
	return false
}

// place reports whether t is in a slot, which it enters where it can start: at a
// PES packet with a stamp, video at a random access point; after patience at
// any. Pictures that come too early for their time are shown fast; sound that is
// more than a frame too early is left out until it is not, and who is in its slot meanwhile stops.
func (p *Program) place(t *track, in mpegts.Packet, at int64) bool {
	early := t.kind == mpegts.Audio && t.goal != nil && t.delay > t.goal.frame()
	if early && in.UnitStart() && t.goal.occupant != nil && (t.goal == t.slot || t.delay < late) {
		t.goal.occupant.stop()
	}
	if t.goal == nil || t.slot == t.goal || t.slot != nil && t.slot.awaited(at) {
		return t.slot != nil
	}
	if !t.waiting {
		t.waiting, t.since = true, at
	}
	if in.UnitStart() {
		pes, _ := in.PES()
		_, _, stamped := stamps(pes)
		ready := stamped && !early && (t.kind != mpegts.Video || in.RandomAccessPoint(t.codec))
		if ready || t.kind == mpegts.Other || at-t.since >= patience {
			p.enter(t.goal, t, pes)
		}
	}
	return t.slot != nil
}

// send appends in as a packet of t. It carries pcr where timed.
func (p *Program) send(dst []byte, t *track, in mpegts.Packet, pcr int64, timed bool, at int64) []byte {
	dst = append(dst, in...)
	out := last(dst)
	s := t.slot
	out.SetPID(s.pid)
	out.SetContinuity(s.cc)
	s.cc++
	s.keep(out, t.kind == mpegts.Video && in.UnitStart() && in.RandomAccessPoint(t.codec))
	if timed {
		out.SetPCR(wrapPCR(pcr))
		p.pcr.sent(pcr, at)
	} else {
		out.ClearPCR()
	}
	p.stamp(t, out)
	t.at = at
	p.stats.Sent++
	return dst
}

// stamp rewrites the PES header that opens or goes on in out (2.4.3.6).
func (p *Program) stamp(t *track, out mpegts.Packet) {
	pes, _ := out.PES()
	pts, dts, stamped := stamps(pes)
	switch {
	case stamped:
		t.header = 0
		c := t.clock()
		pes.Shift(c.out - int64(c.src) + t.delay)
		pes.ShiftPTS(-t.crowded(pts, dts))
		pes.SetStreamID(t.streamID(pes.StreamID()))
		if t.kind != mpegts.Other {
			t.slot.sent(t, c.time(dts)+t.delay, c.time(pts)+t.delay-t.crowded(pts, dts))
			p.now = max(p.now, t.slot.out)
		}
	case t.kind != mpegts.Other && (out.UnitStart() || t.header > 0):
		t.blank(out)
	}
}
