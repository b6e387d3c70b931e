package mpegts_test

import (
	"fmt"

	"vw/media/mpegts"
)

// The tables of a stream are written as packets, and read again.
func ExampleProgramReader() {
	pat := mpegts.PAT{Programs: []mpegts.Program{{Number: 1, PMTPID: 0x20}}}
	pmt := mpegts.PMT{Program: 1, PCRPID: 0x100, Tracks: []mpegts.Track{{PID: 0x100, Type: 0x1b}, {PID: 0x101, Type: 0x0f}}}
	b, _ := mpegts.AppendSection(nil, mpegts.PATPID, 0, pat.Section())
	b, _ = mpegts.AppendSection(b, 0x20, 0, pmt.Section())

	var program mpegts.ProgramReader
	for p := range mpegts.Packets(b) {
		if program.Carries(p.PID()) && program.Feed(p) {
			for _, t := range program.PMT.Tracks {
				codec, kind := t.Codec()
				fmt.Printf("%#x %s %s\n", t.PID, kind, codec)
			}
		}
	}
	// Output:
	// 0x100 video h264
	// 0x101 audio aac
}

func ExampleCounter() {
	var counter mpegts.Counter
	for _, cc := range []byte{4, 5, 5, 8} {
		b := mpegts.AppendPCR(nil, 0x100, cc, 0)
		b[3] |= 0x10 // with payload, so that it counts
		step := counter.Follow(b)
		fmt.Println(cc, step == mpegts.Duplicate, step.Fault())
	}
	// Output:
	// 4 false false
	// 5 false false
	// 5 true false
	// 8 false true
}

func ExampleSync() {
	b := append([]byte("GET / HTTP/1.1\r\n\r\n"), mpegts.AppendPCR(mpegts.AppendPCR(nil, 0x100, 0, 0), 0x100, 0, 0)...)
	at, whole := mpegts.Sync(b, 2)
	fmt.Println(at, whole)
	// Output: 18 true
}
