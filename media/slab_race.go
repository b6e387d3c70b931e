//go:build race

package media

import "fmt"

// auditRetain and auditRelease hold a slab to its rules in all that runs with the race
// detector, where refs are the references that it has now. Who reads what he has
// released finds other bytes, and the detector finds him.
func (s *slab) auditRetain(refs int32) {
	if refs < 2 {
		panic(fmt.Sprintf("media: a buffer is used again that was released, %d references", refs))
	}
}

func (s *slab) auditRelease(refs int32) {
	switch {
	case refs < 0:
		panic(fmt.Sprintf("media: a buffer is released once too often, %d references", refs))
	case refs == 0:
		copy(s.b[:], released[:])
	}
}

// released is what a slab holds that has no references.
var released = func() (b [MaxMessage]byte) {
	for i := range b {
		b[i] = 0xdb
	}
	return b
}()
