package media_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
	"vw/media/mpegts"
)

func TestOnAirIsWhatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		onAir := func(when string, want ...string) {
			t.Helper()
			if got := s.OnAir(); !slices.Equal(got, append([]string{}, want...)) {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
		}
		s.play(t, time.Second)
		onAir("nobody takes anything")
		follow(t, s.Router, media.Subscription{Name: "v", Client: true})
		s.play(t, time.Second)
		onAir("a local client alone")
		hung := subscribe(t, s.Router, media.Subscription{Name: "av"})
		s.play(t, 10*time.Second)
		onAir("a reader that takes nothing")
		if _, err := hung.Take(over()); err != nil {
			t.Fatal(err)
		}
		s.play(t, 3*time.Second)
		onAir("a write that lasts long", "av")
		hung.Done(false)
		onAir("it failed")
		s.SetStreams(map[string][]string{"s": {"v", "a"}})
		x := follow(t, s.Router, media.Subscription{Name: "s"})
		s.play(t, time.Second)
		onAir("a stream", "a", "v")
		waiting(hung)
		onAir("and a feed", "a", "av", "v")
		s.SetMutes([]string{"v"})
		onAir("one is muted", "a", "av")
		s.play(t, 3*time.Second)
		onAir("and one not taken any more", "a")
		s.SetMutes(nil)
		s.play(t, time.Second)
		onAir("none is muted", "a", "v")
		x.Stop()
		onAir("the link is down")
	})
}

func TestSentCountsWhatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		sent := func() int { return int(s.Feeds("av")["av"].Sent) }
		follow(t, s.Router, media.Subscription{Name: "av", Client: true})
		s.play(t, time.Second)
		if sent() != 0 {
			t.Errorf("%d packets sent to a local client", sent())
		}
		x := follow(t, s.Router, media.Subscription{Name: "av"})
		failing := subscribe(t, s.Router, media.Subscription{Name: "av"})
		s.play(t, time.Second)
		if _, err := failing.Take(over()); err != nil {
			t.Fatal(err)
		}
		failing.Done(false)
		want := len(x.got()) / mpegts.PacketSize
		if got := sent(); got == 0 || got > want || got < want-6 { // the tables at its start and until its first picture are the router's
			t.Errorf("%d packets counted of %d", got, want)
		}
	})
}

// Of a feed that is muted in part the rest is on air, but not where that is tables alone.
func TestOfAFeedThatIsMutedInPartTheRestIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		follow(t, s.Router, media.Subscription{Name: "av"})
		sends := func(muted []string, want bool) {
			t.Helper()
			s.SetMutes(muted)
			s.play(t, 3*time.Second) // what left before has been forgotten
			before := s.Feeds("av")["av"].Sent
			s.play(t, time.Second)
			after, onAir := s.Feeds("av")["av"].Sent, slices.Contains(s.OnAir(), "av")
			if after > before != want || onAir != want {
				t.Errorf("with %q muted %d packets are sent, on air: %v", muted, after-before, onAir)
			}
		}
		sends(nil, true)
		sends([]string{"av:video"}, true)
		sends([]string{"av:audio"}, true)
		sends([]string{"av:video", "av:audio"}, false)
	})
}

// Each feed of a stream counts what is its own of all that is written at once.
func TestFeedsOfOneWriteCountTheirOwnPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.SetStreams(map[string][]string{"s": {"v", "a"}})
		x := subscribe(t, s.Router, media.Subscription{Name: "s"})
		s.play(t, 5*time.Second)
		left := len(waiting(x)) / mpegts.PacketSize
		v, a := int(s.Feeds("v")["v"].Sent), int(s.Feeds("a")["a"].Sent)
		if v == 0 || a == 0 || v+a > left {
			t.Errorf("%d packets were written, %d and %d are counted of two feeds", left, v, a)
		}
	})
}
