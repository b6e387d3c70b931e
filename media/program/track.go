package program

import "vw/media/mpegts"

// patience is how long a track's start is put off for the want of a random
// access point, or of a PES packet with a time stamp: 2 s.
const patience = 2 * mpegts.PTSHz

// A track is one elementary stream of a feed.
type track struct {
	feed   *feed
	source uint16 // PID in the feed
	format

	placed   bool  // the rule names it
	selected bool  // and the owner has not muted it
	muted    bool  // or has
	goal     *slot // of which it is the heir, unless it is muted
	slot     *slot // that it is in: its packets go out

	// The source, since the feed's last restart.
	counter mpegts.Counter
	stamped bool
	dts     uint64 // last DTS
	dtsAt   int64  // its arrival
	step    int64  // from the one before to it
	rushed  bool   // the last came much sooner than that behind the one before
	reorder uint64 // from the first DTS to its PTS
	epoch   int    // of the feed's clocks, which one it follows

	// The output.
	delay   int64  // of the DTS, so that it does not go back
	kept    int64  // of the delay that the track began with, what it does not have to make up for
	pace    int64  // from the frame before to it where they crowd; 0: they do not
	knee    uint64 // the PTS up to which they crowd as before, or do not
	before  int64  // pace up to the knee
	top     uint64 // the highest PTS
	at      int64  // arrival of the last packet sent
	pause   int64  // the longest that it has been silent of late
	waiting bool
	since   int64 // it has waited since then
	header  int   // bytes seen of a PES header that is not over; 0: none
	stamps  int   // where the stamps of that header end
}

// stop ends the track's run: it has to start anew.
func (t *track) stop() {
	if t.slot != nil {
		t.slot.leave()
	}
	t.waiting, t.header = false, 0
}

// giveWay stops a track that another one replaces. Its feed may have gone on for it alone.
func (t *track) giveWay() {
	t.stop()
	if !t.feed.heard() {
		t.feed.forget()
	}
}

// forget drops what is known of the track's source. That may be followed by
// another at once, so that nobody is missed yet.
func (t *track) forget() {
	s := t.slot
	t.stop()
	if s != nil {
		s.quiet = t.successorAt()
	}
	t.counter, t.stamped, t.pause = mpegts.Counter{}, false, 0
}

// follow takes the track's next packet. One that opens a PES packet is a
// duplicate only if its DTS is the last one's too, since a source may begin
// again with any counter.
func (t *track) follow(in mpegts.Packet, pes mpegts.PES) mpegts.Step {
	step := t.counter.Follow(in)
	if step.Repeats() && in.UnitStart() {
		if _, dts, ok := stamps(pes); !ok || !t.stamped || dts != t.dts {
			return mpegts.Gap
		}
	}
	return step
}

// clock is the feed's clock that the track's stamps belong to.
func (t *track) clock() *clock {
	if t.epoch == t.feed.epoch {
		return &t.feed.clock
	}
	return &t.feed.former
}

// streamID replaces a stream_id of MPEG video or audio (table 2-22) by the
// slot's; others are private or extended and stay.
func (t *track) streamID(id byte) byte {
	if t.kind == mpegts.Video && id&0xf0 == 0xe0 || t.kind == mpegts.Audio && id&0xe0 == 0xc0 {
		return t.slot.id
	}
	return id
}

// blank passes over the next bytes of a PES header whose stamps cannot be true
// or are cut by the end of a packet (2.4.3.6): these cannot be rewritten, since
// the first bytes of a sum depend on the last. They become stuffing, which
// leaves the header's length and the payload as they are.
func (t *track) blank(out mpegts.Packet) {
	if out.UnitStart() {
		t.header, t.stamps = 0, 9
	}
	payload := out.Payload()
	for i, x := range payload {
		b := &payload[i]
		switch at := t.header; {
		case at < 2 && x != 0, at == 2 && x != 1, at == 3 && !hasStamps(x), at == 6 && x&0xc0 != 0x80:
			t.header = 0
			return
		case at == 3:
			*b = t.streamID(x)
		case at == 7:
			*b &^= 0xc0
			t.stamps += [...]int{0, 0, 5, 10}[x>>6]
		case at >= t.stamps:
			t.header = 0
			return
		case at >= 9:
			*b = 0xff
		}
		t.header++
	}
}

// hasStamps says that a stream_id is one whose packets have the optional
// header, of those that pictures and sound come in (table 2-22).
func hasStamps(id byte) bool {
	return id >= 0xc0 && id <= 0xef || id == 0xbd || id == 0xfd
}
