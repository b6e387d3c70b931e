package media_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"vw/media/mpegts"
)

const (
	pmtPID   = 0x1000
	videoPID = 0x0100
	audioPID = 0x0101

	frameTime = 40 * time.Millisecond
)

// A source makes what a live encoder sends, frame by frame: 25 pictures a
// second, or sound, or both, as sound a transport stream as tscheck asks for.
// Its payloads are random, so that no two packets are alike.
type source struct {
	video, audio int    // packets a frame, 0 for none
	pcrPID       uint16 // of the track that carries the clock
	group        int    // frames from one random access point to the next
	frames       int
	counters     map[uint16]byte
	random       *rand.ChaCha8
}

func newSource(video, audio int) *source {
	s := &source{video: video, audio: audio, pcrPID: videoPID, group: 10, counters: map[uint16]byte{},
		random: rand.NewChaCha8([32]byte{byte(video), byte(audio)})}
	if video == 0 {
		s.pcrPID = audioPID
	}
	return s
}

// frame is the next frame, its tables before it where it is the first of a
// group.
func (s *source) frame() []byte {
	var b []byte
	first := s.frames%s.group == 0
	if first {
		b = s.tables()
	}
	pts := uint64(s.frames)*uint64(frameTime/time.Microsecond)*9/100 + mpegts.PTSHz
	if s.video > 0 {
		b = s.unit(b, videoPID, 0xe0, pts, first, s.video)
	}
	if s.audio > 0 {
		b = s.unit(b, audioPID, 0xc0, pts, true, s.audio)
	}
	s.frames++
	return b
}

// take is the next n frames.
func (s *source) take(n int) []byte {
	var b []byte
	for range n {
		b = append(b, s.frame()...)
	}
	return b
}

// tables are PAT and PMT, one packet each.
func (s *source) tables() []byte {
	pat := mpegts.PAT{StreamID: 1, Programs: []mpegts.Program{{Number: 1, PMTPID: pmtPID}}}
	pmt := mpegts.PMT{Program: 1, PCRPID: s.pcrPID}
	if s.video > 0 {
		pmt.Tracks = append(pmt.Tracks, mpegts.Track{PID: videoPID, Type: 0x02})
	}
	if s.audio > 0 {
		pmt.Tracks = append(pmt.Tracks, mpegts.Track{PID: audioPID, Type: 0x03})
	}
	b, cc := mpegts.AppendSection(nil, mpegts.PATPID, s.counters[mpegts.PATPID], pat.Section())
	s.counters[mpegts.PATPID] = cc
	b, cc = mpegts.AppendSection(b, pmtPID, s.counters[pmtPID], pmt.Section())
	s.counters[pmtPID] = cc
	return b
}

// unit appends a PES packet that fills n transport packets, its PCR half a
// second before its PTS.
func (s *source) unit(b []byte, pid uint16, id byte, pts uint64, randomAccess bool, n int) []byte {
	for i := range n {
		begin := len(b)
		b = append(b, mpegts.SyncByte, byte(pid>>8), byte(pid), 0x10|s.counters[pid])
		s.counters[pid] = (s.counters[pid] + 1) & 0x0f
		if i == 0 {
			b[begin+1] |= 0x40
			b[begin+3] |= 0x20
			b = append(b, 7, 0, 0, 0, 0, 0, 0, 0)
			if randomAccess {
				b[begin+5] |= 0x40
			}
			if pid == s.pcrPID {
				b[begin+5] |= 0x10
			}
			mpegts.Packet(b[begin : begin+12]).SetPCR((pts - mpegts.PTSHz/2) * 300)
			b = append(b, pesHeader(id, pts, n)...)
		}
		payload := len(b)
		b = append(b, make([]byte, begin+mpegts.PacketSize-payload)...)
		s.random.Read(b[payload:])
	}
	return b
}

// pesHeader opens a PES packet with a PTS, which fills n transport packets
// together with an adaptation field of 8 bytes (ISO/IEC 13818-1, 2.4.3.6).
func pesHeader(id byte, pts uint64, n int) []byte {
	b := []byte{0, 0, 1, id, 0, 0, 0x80, 0x80, 5, 0x21 | byte(pts>>29)&0x0e, 0, 0, 0, 0}
	if id < 0xe0 {
		binary.BigEndian.PutUint16(b[4:], uint16(n*(mpegts.PacketSize-4)-8-6))
	}
	binary.BigEndian.PutUint16(b[10:], uint16(pts>>14)|1)
	binary.BigEndian.PutUint16(b[12:], uint16(pts<<1)|1)
	return b
}

// only is what of b is packets of the PIDs.
func only(b []byte, pids ...uint16) []byte {
	var rest []byte
	for p := range mpegts.Packets(b) {
		if slices.Contains(pids, p.PID()) {
			rest = append(rest, p...)
		}
	}
	return rest
}

// isEntry says that b begins at a random access point of the video.
func isEntry(b []byte) bool {
	if len(b) < mpegts.PacketSize {
		return false
	}
	p := mpegts.Packet(b[:mpegts.PacketSize])
	pes, ok := p.PES()
	return ok && p.RandomAccess() && pes.StreamID() == 0xe0
}
