package media

import (
	"bytes"

	"vw/media/mpegts"
)

// maxTablePackets bounds what is kept of one table, in packets: a section has
// at most 1,024 bytes.
const maxTablePackets = 6

// An inspector follows a transport stream as it passes: its first programme's
// tables, its tracks, its faults, its random access points. It changes nothing.
type inspector struct {
	pids    map[uint16]*pidState
	last    uint16 // the PID of the packet before, and its state:
	state   *pidState
	pat     table
	pmt     table
	tracks  []mpegts.Track
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
}

// A table is the newest whole section of one PID, and the packets it came in.
type table struct {
	pid     uint16
	known   bool
	reader  mpegts.SectionReader
	section []byte
	packets []byte // that have come of a newer one
	whole   []byte // packets of section
}

func newInspector() *inspector {
	return &inspector{pids: map[uint16]*pidState{}, pat: table{pid: mpegts.PATPID, known: true}}
}

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
		case pid == mpegts.PATPID:
			in.pat.take(p, in.readPAT)
		case in.pmt.known && pid == in.pmt.pid:
			in.pmt.take(p, in.readPMT)
		case in.state.kind == mpegts.Video && p.UnitStart() && p.RandomAccess():
			rap = at
			in.rapPSI = in.appendPSI(in.rapPSI[:0])
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

// take adds a packet of the table's PID and calls changed with a section that
// differs from the one before.
func (t *table) take(p mpegts.Packet, changed func(section []byte)) {
	if p.UnitStart() {
		t.packets = t.packets[:0]
	}
	if len(t.packets) < maxTablePackets*mpegts.PacketSize {
		t.packets = append(t.packets, p...)
	}
	t.reader.Feed(p, func(section []byte) {
		if !mpegts.Current(section) || mpegts.CRC(section) != 0 {
			return
		}
		t.whole = append(t.whole[:0], t.packets...)
		if !bytes.Equal(section, t.section) {
			t.section = append(t.section[:0], section...)
			changed(t.section)
		}
	})
}

func (in *inspector) readPAT(section []byte) {
	pat, err := mpegts.ParsePAT(section)
	if err != nil || len(pat.Programs) == 0 {
		return
	}
	if pid := pat.Programs[0].PMTPID; !in.pmt.known || pid != in.pmt.pid {
		in.pmt = table{pid: pid, known: true}
	}
}

func (in *inspector) readPMT(section []byte) {
	pmt, err := mpegts.ParsePMT(section)
	if err != nil {
		return
	}
	in.tracks = pmt.Tracks
	for _, s := range in.pids {
		s.track, s.kind = false, mpegts.Other
	}
	for _, t := range in.tracks {
		s := in.pid(t.PID)
		_, s.kind = t.Codec()
		s.track = true
	}
}

// appendPSI appends the packets of the newest PAT and PMT.
func (in *inspector) appendPSI(dst []byte) []byte {
	return append(append(dst, in.pat.whole...), in.pmt.whole...)
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
	return pid <= 0x1f || in.pmt.known && pid == in.pmt.pid
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
	for _, t := range in.tracks {
		codec, kind := t.Codec()
		i := TrackInfo{PID: t.PID, Kind: kind.String(), Codec: codec}
		if s := in.pids[t.PID]; s != nil {
			i.Packets, i.ContinuityErrors = s.packets, s.faults
		}
		list = append(list, i)
	}
	return list
}
