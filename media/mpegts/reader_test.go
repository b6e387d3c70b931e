package mpegts_test

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/asticode/go-astits"

	"vw/media/mpegts"
)

// ffmpeg is the transport stream that ffmpeg makes of arguments.
func ffmpeg(t *testing.T, arguments string) []byte {
	t.Helper()
	args := strings.Fields("-v error -nostdin " + arguments + " -f mpegts -")
	var complaint bytes.Buffer
	c := exec.CommandContext(t.Context(), "ffmpeg", args...)
	c.Stderr = &complaint
	b, err := c.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, complaint.String())
	}
	return b
}

// A reading is what a reader of transport streams found in one.
type reading struct {
	PCRPID     uint16
	Types      map[uint16]byte
	PTS, DTS   map[uint16][]uint64
	StreamIDs  map[uint16]byte
	PCRs       []uint64
	Counters   map[uint16][]byte
	RandomPIDs map[uint16]int
}

func newReading() reading {
	return reading{
		Types: map[uint16]byte{}, PTS: map[uint16][]uint64{}, DTS: map[uint16][]uint64{},
		StreamIDs: map[uint16]byte{}, Counters: map[uint16][]byte{}, RandomPIDs: map[uint16]int{},
	}
}

// ours reads b with this package.
func ours(t *testing.T, b []byte) reading {
	r := newReading()
	var pat, pmt mpegts.SectionReader
	pmtPID := uint16(mpegts.NullPID)
	for p := range mpegts.Packets(b) {
		pid := p.PID()
		r.Counters[pid] = append(r.Counters[pid], p.Continuity())
		if p.RandomAccess() {
			r.RandomPIDs[pid]++
		}
		if pcr, ok := p.PCR(); ok {
			r.PCRs = append(r.PCRs, pcr)
		}
		switch pid {
		case mpegts.PATPID:
			pat.Feed(p, func(sec []byte) {
				table, err := mpegts.ParsePAT(sec)
				if err != nil || len(table.Programs) != 1 {
					t.Fatalf("PAT %+v, %v", table, err)
				}
				pmtPID = table.Programs[0].PMTPID
			})
		case pmtPID:
			pmt.Feed(p, func(sec []byte) {
				table, err := mpegts.ParsePMT(sec)
				if err != nil {
					t.Fatal(err)
				}
				r.PCRPID = table.PCRPID
				for _, k := range table.Tracks {
					r.Types[k.PID] = k.Type
				}
			})
		}
		if s, ok := p.PES(); ok && r.Types[pid] != 0 {
			pts, _ := s.PTS()
			dts, _ := s.DTS()
			r.PTS[pid] = append(r.PTS[pid], pts)
			r.DTS[pid] = append(r.DTS[pid], dts)
			r.StreamIDs[pid] = s.StreamID()
		}
	}
	return r
}

// theirs reads b with go-astits.
func theirs(t *testing.T, b []byte) reading {
	r := newReading()
	packets := astits.NewDemuxer(context.Background(), bytes.NewReader(b), astits.DemuxerOptPacketSize(mpegts.PacketSize))
	for {
		p, err := packets.NextPacket()
		if errors.Is(err, astits.ErrNoMorePackets) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pid := p.Header.PID
		r.Counters[pid] = append(r.Counters[pid], p.Header.ContinuityCounter)
		if a := p.AdaptationField; a != nil && a.RandomAccessIndicator {
			r.RandomPIDs[pid]++
		}
		if a := p.AdaptationField; a != nil && a.HasPCR {
			r.PCRs = append(r.PCRs, uint64(a.PCR.Base)*300+uint64(a.PCR.Extension))
		}
	}
	data := astits.NewDemuxer(context.Background(), bytes.NewReader(b), astits.DemuxerOptPacketSize(mpegts.PacketSize))
	for {
		d, err := data.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return r
		} else if err != nil {
			t.Fatal(err)
		}
		if d.PMT != nil {
			r.PCRPID = d.PMT.PCRPID
			for _, k := range d.PMT.ElementaryStreams {
				r.Types[k.ElementaryPID] = byte(k.StreamType)
			}
		}
		if d.PES != nil {
			pts := d.PES.Header.OptionalHeader.PTS
			dts := d.PES.Header.OptionalHeader.DTS
			if dts == nil {
				dts = pts
			}
			r.PTS[d.PID] = append(r.PTS[d.PID], uint64(pts.Base))
			r.DTS[d.PID] = append(r.DTS[d.PID], uint64(dts.Base))
			r.StreamIDs[d.PID] = d.PES.Header.StreamID
		}
	}
}

const picture = "-f lavfi -i testsrc2=s=320x240:r=25:d=4 "

func TestStreamsOfFfmpegReadAsByAnIndependentReader(t *testing.T) {
	for name, arguments := range map[string]string{
		"mpeg1video and mp2":       picture + "-f lavfi -i sine=d=4 -c:v mpeg1video -c:a mp2",
		"h264 and aac":             picture + "-f lavfi -i sine=d=4 -c:v libx264 -bf 2 -c:a aac",
		"constant rate":            picture + "-c:v libx264 -muxrate 4M",
		"clocks that wrap":         picture + "-c:v libx264 -bf 2 -output_ts_offset 95441",
		"audio alone":              "-f lavfi -i sine=d=4 -c:a mp2",
		"two pictures, two sounds": picture + "-f lavfi -i sine=d=4 -map 0 -map 1 -map 0 -map 1 -c:v mpeg2video -c:a ac3",
	} {
		t.Run(name, func(t *testing.T) {
			b := ffmpeg(t, arguments)
			got, want := ours(t, b), theirs(t, b)
			if len(want.PCRs) == 0 || len(want.Types) == 0 || len(want.PTS) != len(want.Types) {
				t.Fatalf("the independent reader found too little: %d PCRs, types %v", len(want.PCRs), want.Types)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("read\n%+v, want\n%+v", got, want)
			}
		})
	}
}
