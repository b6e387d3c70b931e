package media_test

import (
	"testing"
	"time"
	"unsafe"

	"vw/media"
)

// setBack is what the clock shows after it was set back by an hour: the wall
// clock goes back, the monotonic one, which time.Time holds beside it, goes on.
func setBack(at time.Time) time.Time {
	wall := (*uint64)(unsafe.Pointer(&at)) // whole seconds from bit 30 on
	*wall -= 3600 << 30
	return at
}

func TestBitrateGoesOnWhenTheClockIsSet(t *testing.T) {
	now := time.Now()
	if d := now.Sub(setBack(now)); d != 0 || now.Unix()-setBack(now).Unix() != 3600 {
		t.Fatalf("the test does not set the clock back: %v", d)
	}
	var times []time.Time
	for i := range 40 {
		at := now.Add(time.Duration(i) * 100 * time.Millisecond)
		if i >= 20 {
			at = setBack(at)
		}
		times = append(times, at)
	}
	if got := media.RateOf(12_500, times...); got != 1_000_000 {
		t.Errorf("a source of 1 Mbit/s has %d bit/s", got)
	}
	silent := setBack(now.Add(6 * time.Second))
	if got := media.RateOf(12_500, append(times, silent)...); got != 0 {
		t.Errorf("two seconds after its last byte a source has %d bit/s", got)
	}
}
