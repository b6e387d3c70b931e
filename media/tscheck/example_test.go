package tscheck_test

import (
	"fmt"

	"vw/media/mpegts"
	"vw/media/tscheck"
)

// A checker takes a stream in pieces of any size. This one lacks its tables, and a packet.
func Example() {
	c := tscheck.New(tscheck.Options{})
	for _, cc := range []byte{0, 1, 3} {
		p := mpegts.AppendPCR(nil, 0x100, cc, uint64(cc)*mpegts.PCRHz/10)
		p[3] |= 0x10 // with payload, so that it counts
		c.Write(p)
	}
	r := c.Report()
	fmt.Println(r.Sound(), r.Packets, r.ContinuityErrors, r.PATs)
	// Output: false 3 1 0
}
