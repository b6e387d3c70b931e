package program

import "vw/media/mpegts"

// patience is how long a track's start is put off for the want of a random
// access point, or of a PES packet with a time stamp: 2 s.
const patience = 2 * mpegts.PTSHz

// A track is one elementary stream of a feed and the output PID that it has
// for as long as the program remembers it.
type track struct {
	feed        *feed
	source      uint16 // PID in the feed
	kind        mpegts.Kind
	vague       bool // the kind is not known
	coding      byte // stream_type
	codec       string
	descriptors []byte
	// registration is the program's, which says what user private stream_types mean.
	registration string

	selected bool // the rule takes it
	listed   bool // the PMT names it
	id       byte // stream_id where the source's is one of the same range

	// The source, since the feed's last restart.
	counter mpegts.Counter
	stamped bool
	dts     uint64 // last DTS
	dtsAt   int64  // its arrival
	step    int64  // from the one before to it
	reorder uint64 // from the first DTS to its PTS
	epoch   int    // of the feed's clocks, which one it follows

	// The output.
	pid     uint16
	cc      byte // of the next packet with payload
	out     int64
	outSet  bool
	delay   int64 // of the DTS, so that it does not go back
	at      int64 // arrival of the last packet sent
	started bool
	waiting bool
	since   int64 // it has waited since then
	header  int   // bytes seen of a PES header that is not over; 0: none
	stamps  int   // where the stamps of that header end
}

// stop ends the track's run: it has to start anew.
func (t *track) stop() { t.started, t.waiting, t.header = false, false, 0 }

// forget drops what is known of the track's source.
func (t *track) forget() {
	t.stop()
	t.counter, t.stamped = mpegts.Counter{}, false
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

// start says whether the track has started, and starts it: at a PES packet
// with a stamp, video at a random access point; after patience at any. Pictures
// that come too early for their time are shown fast; sound is left out until it
// is in time.
func (t *track) start(in mpegts.Packet, at int64) bool {
	early := t.delay > 0 && t.kind == mpegts.Audio
	if early && in.UnitStart() {
		t.started = false
	}
	if t.started {
		return true
	}
	if !t.waiting {
		t.waiting, t.since = true, at
	}
	if !in.UnitStart() {
		return false
	}
	pes, _ := in.PES()
	_, _, stamped := stamps(pes)
	ready := stamped && !early && (t.kind != mpegts.Video || in.RandomAccessPoint(t.codec))
	t.started = ready || t.kind == mpegts.Other || at-t.since >= patience
	t.waiting = !t.started
	return t.started
}

// clock is the feed's clock that the track's stamps belong to.
func (t *track) clock() *clock {
	if t.epoch == t.feed.epoch {
		return &t.feed.clock
	}
	return &t.feed.former
}

// streamID replaces a stream_id of MPEG video or audio (table 2-22) by the
// track's; others are private or extended and stay.
func (t *track) streamID(id byte) byte {
	if t.kind == mpegts.Video && id&0xf0 == 0xe0 || t.kind == mpegts.Audio && id&0xe0 == 0xc0 {
		return t.id
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
