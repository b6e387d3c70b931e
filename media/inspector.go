package media

import "vw/media/mpegts"

// An inspector follows a transport stream as it passes: its first programme's
// tables, its tracks, its faults, its random access points. It changes nothing.
type inspector struct {
	pids    map[uint16]*pidState
	last    uint16 // the PID of the packet before, and its state:
	state   *pidState
	program mpegts.ProgramReader
	faults  uint64
	damaged uint64 // packets with the transport_error_indicator
	rapPSI  []byte // PAT and PMT as they were at the last random access point
}

// pidState is what is known of one PID.
type pidState struct {
	packets  uint64
	faults   uint64 // continuity errors
	cc       byte
	seen     bool
	repeated bool        // the packet before was a duplicate
	track    bool        // the PMT names it,
	kind     mpegts.Kind // as one of this kind
	codec    string      // and coding
}

func newInspector() *inspector { return &inspector{pids: map[uint16]*pidState{}} }

// scan takes the next whole packets and returns where the newest random
// access point in them begins, -1 for none. Video alone decides: ffmpeg sets
// random_access_indicator on every PES packet of audio too.
func (in *inspector) scan(b []byte) (rap int) {
	rap = -1
	for at := 0; at+mpegts.PacketSize <= len(b); at += mpegts.PacketSize {
		p := mpegts.Packet(b[at : at+mpegts.PacketSize])
		pid := p.PID()
		if in.state == nil || pid != in.last {
			in.last, in.state = pid, in.pid(pid)
		}
		in.state.packets++
		if p.TransportError() {
			in.damaged++
			continue
		}
		in.checkContinuity(p)
		switch {
		case in.program.Carries(pid):
			if in.program.Feed(p) {
				in.adopt()
			}
		case in.state.kind == mpegts.Video && p.UnitStart() && p.RandomAccessPoint(in.state.codec):
			rap = at
			in.rapPSI = in.appendPSI(in.rapPSI[:0])
		case in.state.codec == mpegAudio && p.UnitStart():
			in.nameLayer(p)
		}
	}
	return rap
}

func (in *inspector) pid(pid uint16) *pidState {
	s := in.pids[pid]
	if s == nil {
		s = &pidState{}
		in.pids[pid] = s
	}
	return s
}

// checkContinuity counts breaks of the continuity counter (ISO/IEC 13818-1,
// 2.4.3.3): it counts packets with payload, a packet may come twice, and a
// discontinuity_indicator allows any jump.
func (in *inspector) checkContinuity(p mpegts.Packet) {
	s := in.state
	cc := p.Continuity()
	switch {
	case in.last == mpegts.NullPID:
		return
	case !s.seen || p.Discontinuity():
		s.repeated = false
	case !p.HasPayload():
		return
	case cc == s.cc && !s.repeated:
		s.repeated = true
	case cc != (s.cc+1)&0x0f:
		s.faults++
		in.faults++
		s.repeated = false
	default:
		s.repeated = false
	}
	s.cc, s.seen = cc, true
}

// adopt takes the PMT that has come into force.
func (in *inspector) adopt() {
	for _, s := range in.pids {
		s.track, s.kind, s.codec = false, mpegts.Other, ""
	}
	for _, t := range in.program.PMT.Tracks {
		s := in.pid(t.PID)
		s.codec, s.kind = t.Codec()
		s.track = true
	}
}

// mpegAudio is what the PMT calls all layers of MPEG audio.
const mpegAudio = "mp2"

// nameLayer looks at the frame that a PES packet begins with.
func (in *inspector) nameLayer(p mpegts.Packet) {
	if pes, ok := p.PES(); ok {
		if layer := mpegts.AudioLayer(pes.Data()); layer != "" {
			in.state.codec = layer
		}
	}
}

// appendPSI appends the packets of the newest PAT and PMT.
func (in *inspector) appendPSI(dst []byte) []byte {
	return in.program.AppendPackets(dst)
}

// kind is what the PMT says that a PID carries; false where it does not name it.
func (in *inspector) kind(pid uint16) (mpegts.Kind, bool) {
	s := in.pids[pid]
	if s == nil || !s.track {
		return mpegts.Other, false
	}
	return s.kind, true
}

// isTable says that a PID carries tables: the PAT, the PMT, or one of those
// that have a PID of their own (ISO/IEC 13818-1, table 2-3; EN 300 468, table 1).
func (in *inspector) isTable(pid uint16) bool {
	return pid <= 0x1f || in.program.Carries(pid)
}

// TrackInfo is one elementary stream as the PMT names it.
type TrackInfo struct {
	PID              uint16 `json:"pid"`
	Kind             string `json:"kind"` // video, audio, data
	Codec            string `json:"codec"`
	Packets          uint64 `json:"packets"`
	ContinuityErrors uint64 `json:"continuityErrors"`
}

func (in *inspector) trackInfo() []TrackInfo {
	list := []TrackInfo{}
	for _, t := range in.program.PMT.Tracks {
		s := in.pid(t.PID)
		list = append(list, TrackInfo{PID: t.PID, Kind: s.kind.String(), Codec: s.codec, Packets: s.packets, ContinuityErrors: s.faults})
	}
	return list
}
