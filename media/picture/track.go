package picture

import "vw/media/mpegts"

// A track follows the first video of the first program.
type track struct {
	program mpegts.ProgramReader
	video   mpegts.Track
	err     error // why it cannot be shown
	counter mpegts.Counter
}

// take returns what the packet brings of the video. With lost something before
// it is missing, with changed it is another video than before.
func (t *track) take(p mpegts.Packet) (payload []byte, lost, changed bool) {
	switch pid := p.PID(); {
	case p.TransportError() || p.Scrambled() || pid == mpegts.NullPID:
	case t.program.Carries(pid):
		changed = t.program.Feed(p) && t.adopt()
	case t.video.PID != 0 && pid == t.video.PID && t.err == nil:
		payload, lost = t.follow(p)
	}
	return payload, lost, changed
}

// adopt takes the first video of the PMT, and reports whether it is another one.
func (t *track) adopt() bool {
	for _, x := range t.program.PMT.Tracks {
		name, kind := x.Codec()
		if kind != mpegts.Video {
			continue
		}
		if x.PID == t.video.PID && x.Type == t.video.Type {
			return false
		}
		t.video, t.err, t.counter = x, nil, mpegts.Counter{}
		// ffmpeg gives MPEG-1 video the type of MPEG-2 video.
		if x.Type != 0x01 && x.Type != 0x02 {
			t.err = &CodecError{name}
		}
		return true
	}
	t.video, t.err = mpegts.Track{}, ErrNoVideo
	return true
}

// follow tells by the continuity counter what has been lost. A
// discontinuity_indicator is taken for a loss too.
func (t *track) follow(p mpegts.Packet) (payload []byte, lost bool) {
	step := t.counter.Follow(p)
	if step.Repeats() {
		return nil, false
	}
	lost = step != mpegts.Onward
	payload = p.Payload()
	if !p.UnitStart() {
		return payload, lost
	}
	if _, ok := p.PES(); !ok || len(payload) < 9 || len(payload) < 9+int(payload[8]) {
		return nil, true
	}
	return payload[9+int(payload[8]):], lost
}
