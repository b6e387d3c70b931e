package media_test

import (
	"slices"
	"testing"
	"time"

	"testing/synctest"

	"vw/media"
)

// Streams are made of feeds alone, whatever their names, and what comes in on a
// link goes to local readers alone: no rules make what was sent once go round
// until somebody lets it out after a mute.
func TestNoRulesMakeALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		names := []string{"a", "b", "c"}
		r.SetStreams(map[string][]string{"a": {"b", "c"}, "b": {"a", "c"}, "c": {"a", "b", "c"}})
		var beyond []*tail
		for _, of := range []bool{false, true} {
			for _, name := range names {
				beyond = append(beyond, follow(t, r, media.Subscription{Name: name, OfStream: of}))
				follow(t, r, media.Subscription{Name: name, OfStream: of, Client: true, Incoming: true})
			}
		}
		mic := r.Subscribe(media.Subscription{Name: "a", Client: true})
		defer mic.Close()
		r.SetStreams(nil) // who named a stream goes on naming it
		feeds := r.Subscribe(media.Subscription{Name: "c", Client: true})
		defer feeds.Close()
		r.SetStreams(map[string][]string{"a": {"b", "c"}, "b": {"a", "c"}, "c": {"a", "b", "c"}})
		total := func() (n int) {
			synctest.Wait()
			for _, x := range beyond {
				n += len(x.got())
			}
			return n
		}
		mic.Send([]byte("x"), true)
		feeds.Send([]byte("x"), true)
		sent := total()
		if sent == 0 || sent > 2*len(beyond) {
			t.Fatalf("%d of two messages", sent)
		}
		for _, name := range slices.Repeat(names, 3) { // relays give back what they were given
			r.Deliver(name, []byte("y"), true)
		}
		time.Sleep(time.Minute)
		if n := total(); n != sent {
			t.Errorf("%d messages have left by themselves", n-sent)
		}
		r.SetMutes([]string{"a", "c"})
		var late []*media.Subscriber
		for _, name := range append(names, "new") {
			late = append(late, subscribe(t, r, media.Subscription{Name: name}))
		}
		r.SetMutes(nil)
		time.Sleep(time.Minute)
		for _, x := range late {
			if got := waiting(x); len(got) > 0 {
				t.Errorf("what was muted leaves later: %q", got)
			}
		}
	})
}
