package mpegts

// A TrackReader follows the first track of a kind of the first program. The zero
// value is ready.
type TrackReader struct {
	Track  Track // none of PID 0
	Listed bool  // the PMT has come

	program ProgramReader
	counter Counter
}

// A Piece is what one packet brings of a track.
type Piece struct {
	Data    []byte // of the elementary stream
	Begins  bool   // a PES packet does
	Lost    bool   // something before it is missing
	Changed bool   // it is another track than before, or none
}

// Take returns what the packet brings of the track.
func (r *TrackReader) Take(kind Kind, p Packet) (piece Piece) {
	switch pid := p.PID(); {
	case p.TransportError() || p.Scrambled() || pid == NullPID:
	case r.program.Carries(pid):
		piece.Changed = r.program.Feed(p) && r.adopt(kind)
	case r.Track.PID != 0 && pid == r.Track.PID:
		piece = r.follow(p)
	}
	return piece
}

// adopt takes the first track of the kind, and reports whether it is another one.
func (r *TrackReader) adopt(kind Kind) bool {
	r.Listed = true
	for _, t := range r.program.PMT.Tracks {
		if _, k := t.Codec(); k != kind {
			continue
		}
		same := t.PID == r.Track.PID && t.Type == r.Track.Type
		if !same {
			r.counter = Counter{}
		}
		r.Track = t
		return !same
	}
	r.Track = Track{}
	return true
}

// follow tells by the continuity counter what has been lost. A
// discontinuity_indicator is taken for a loss too.
func (r *TrackReader) follow(p Packet) (piece Piece) {
	step := r.counter.Follow(p)
	if step.Repeats() {
		return Piece{}
	}
	piece.Lost = step != Onward
	piece.Data = p.Payload()
	if !p.UnitStart() {
		return piece
	}
	pes, _ := p.PES()
	if piece.Data = pes.Data(); piece.Data == nil {
		return Piece{Lost: true}
	}
	piece.Begins = true
	return piece
}
