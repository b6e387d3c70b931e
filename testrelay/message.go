package testrelay

import (
	"time"

	"github.com/gorilla/websocket"

	"vw/media/mpegts"
)

// Message is one websocket message that arrived on a topic.
type Message struct {
	// Topic and Path are where it came in: "video0" and "/in/video0".
	Topic, Path string
	// Link is by which of the relay's links it came in, from 1 on.
	Link int
	// Type is websocket.TextMessage or websocket.BinaryMessage.
	Type int
	// Data is shared with everybody who got the message: read it only.
	Data []byte
	// At is when its last byte had been read.
	At time.Time

	packets bool   // it is whole packets of a transport stream
	start   []byte // PAT, PMT and what follows from a random access point on; nil: none
}

// program follows the transport stream of a topic. The zero value is ready.
type program struct {
	tables mpegts.ProgramReader
	video  map[uint16]string // coding by PID
}

// mark says of a message whether it is packets, and what of it somebody who
// joins can begin with. Video alone decides: ffmpeg sets random_access_indicator
// on every PES packet of audio too.
func (p *program) mark(m *Message) {
	if m.Type != websocket.BinaryMessage || len(m.Data) == 0 || len(m.Data)%mpegts.PacketSize != 0 {
		return
	}
	for at := 0; at < len(m.Data); at += mpegts.PacketSize {
		if m.Data[at] != mpegts.SyncByte {
			return
		}
	}
	m.packets = true
	at := 0
	for packet := range mpegts.Packets(m.Data) {
		if p.entry(packet) && m.start == nil {
			m.start = append(p.tables.AppendPackets(nil), m.Data[at:]...)
		}
		at += mpegts.PacketSize
	}
}

// entry reports whether somebody can begin with a packet, the tables given.
func (p *program) entry(packet mpegts.Packet) bool {
	pid := packet.PID()
	if p.tables.Carries(pid) {
		if p.tables.Feed(packet) {
			p.video = map[uint16]string{}
			for _, t := range p.tables.PMT.Tracks {
				if codec, kind := t.Codec(); kind == mpegts.Video {
					p.video[t.PID] = codec
				}
			}
		}
		return false
	}
	if !p.tables.Known || !packet.UnitStart() {
		return false
	}
	codec, isVideo := p.video[pid]
	return len(p.video) == 0 || isVideo && packet.RandomAccessPoint(codec)
}
