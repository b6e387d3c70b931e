package media

import (
	"time"

	"vw/media/mpegts"
)

// An inspector follows a transport stream as it passes: its first program's
// tables, its tracks, its faults, its random access points. It changes nothing.
type inspector struct {
	pids     map[uint16]*pidState
	last     uint16 // the PID of the packet before, and its state:
	state    *pidState
	program  mpegts.ProgramReader
	contents *contents // as program has it; nil before the PAT
	faults   uint64
	damaged  uint64 // packets with the transport_error_indicator
	begun    time.Time
	now      time.Duration // when what is scanned came in, after begun
	rapPSI   []byte        // PAT and PMT as they were at the last random access point
}

// pidState is what is known of one PID.
type pidState struct {
	packets uint64
	at      time.Duration // when the last of them came in, or it was named, after the inspector's begun
	faults  uint64        // continuity errors
	counter mpegts.Counter
	kind    mpegts.Kind // as the PMT names it,
	codec   string      // and coding
}

func newInspector() *inspector { return &inspector{pids: map[uint16]*pidState{}, begun: time.Now()} }

// scan takes the next whole packets, no further than the same tables are in
// force: it returns how many bytes that were, what the tables say, and where the
// newest random access point in them begins, -1 for none. Video alone decides:
// ffmpeg sets random_access_indicator on every PES packet of audio too.
func (in *inspector) scan(b []byte) (n int, under *contents, rap int) {
	under, rap = in.contents, -1
	begun := false // a packet has come that is of no table
	for n < len(b) {
		at := n
		p := mpegts.Packet(b[at : at+mpegts.PacketSize])
		n += mpegts.PacketSize
		pid := p.PID()
		if in.state == nil || pid != in.last {
			in.last, in.state = pid, in.pid(pid)
		}
		in.state.packets++
		in.state.at = in.now
		if p.TransportError() {
			in.damaged++
			begun = true
			continue
		}
		if pid != mpegts.NullPID && in.state.counter.Follow(p).Fault() {
			in.state.faults++
			in.faults++
		}
		if in.program.Carries(pid) {
			in.readTable(p)
			if in.contents != under && begun {
				break
			}
			under = in.contents
			continue
		}
		begun = true
		switch {
		case in.state.kind == mpegts.Video && p.UnitStart() && p.RandomAccessPoint(in.state.codec):
			rap = at
			in.rapPSI = in.appendPSI(in.rapPSI[:0])
		case in.state.codec == mpegAudio && p.UnitStart():
			in.nameLayer(p)
		}
		n += in.skim(p, b[n:])
	}
	return n, under, rap
}

// skim takes the packets that only go on with p's payload, and returns how many
// bytes those are.
func (in *inspector) skim(p mpegts.Packet, b []byte) (n int) {
	if !p.HasPayload() {
		return 0
	}
	if more := p.Continuing(b); more > 0 {
		n = more * mpegts.PacketSize
		in.state.packets += uint64(more)
		in.state.counter.Restart(mpegts.Packet(b[n-mpegts.PacketSize : n]))
	}
	return n
}

func (in *inspector) pid(pid uint16) *pidState {
	s := in.pids[pid]
	if s == nil {
		s = &pidState{}
		in.pids[pid] = s
	}
	return s
}

// readTable takes a packet of the PAT or the PMT. Until the PMT of another
// program has come it is not known what that carries.
func (in *inspector) readTable(p mpegts.Packet) {
	before := in.program.PMTPID
	switch changed := in.program.Feed(p); {
	case changed:
		in.contents = newContents(in.program.PMTPID, in.program.PMT.Tracks)
		in.adopt()
	case in.program.PMTPID != before:
		in.contents = newContents(in.program.PMTPID, nil)
	}
}

// adopt takes the PMT that has come into force.
func (in *inspector) adopt() {
	for _, s := range in.pids {
		s.kind, s.codec = mpegts.Other, ""
	}
	for _, t := range in.program.PMT.Tracks {
		s := in.pid(t.PID)
		s.codec, s.kind = t.Codec()
		if s.packets == 0 {
			s.at = in.now
		}
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

// TrackInfo is one elementary stream as the PMT names it.
type TrackInfo struct {
	PID              uint16 `json:"pid"`
	Kind             string `json:"kind"` // video, audio, data
	Codec            string `json:"codec"`
	Packets          uint64 `json:"packets"`
	AgeMs            *int64 `json:"ageMs"`    // since the last packet came in, in ms; null: none has
	SilentMs         int64  `json:"silentMs"` // since the last packet came in or, where none has, the table that names it, in ms
	ContinuityErrors uint64 `json:"continuityErrors"`
}

func (in *inspector) trackInfo(now time.Time) []TrackInfo {
	list := []TrackInfo{}
	for _, t := range in.program.PMT.Tracks {
		s := in.pid(t.PID)
		silent := (now.Sub(in.begun) - s.at).Milliseconds()
		info := TrackInfo{PID: t.PID, Kind: s.kind.String(), Codec: s.codec, Packets: s.packets, SilentMs: silent, ContinuityErrors: s.faults}
		if s.packets > 0 {
			info.AgeMs = &silent
		}
		list = append(list, info)
	}
	return list
}
