package media_test

import (
	"context"
	"io"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
	"vw/media/mpegts"
)

func TestFeedIsForgottenAMinuteAfterItsLastUse(t *testing.T) {
	ts := newSource(3, 0).take(10)
	for _, c := range []struct {
		name string
		use  func(*testing.T, *media.Router) (end func())
	}{
		{"a post", func(t *testing.T, r *media.Router) func() {
			p := open(t, r, "feed")
			p.send(t, ts)
			return func() { p.finish() }
		}},
		{"a post that has sent no packet", func(t *testing.T, r *media.Router) func() {
			p := open(t, r, "feed")
			synctest.Wait()
			return func() { p.finish() }
		}},
		{"a reader whose link is down", func(t *testing.T, r *media.Router) func() {
			s := r.Subscribe(media.Subscription{Name: "feed"})
			return func() { s.Close() }
		}},
		{"a reader that goes on to another", func(t *testing.T, r *media.Router) func() {
			s := subscribe(t, r, media.Subscription{Name: "feed"})
			return func() { s.Follow("other", false) }
		}},
		{"a rule", func(t *testing.T, r *media.Router) func() {
			r.SetStreams(map[string][]string{"s": {"feed:video"}})
			return func() { r.SetStreams(nil) }
		}},
		{"a message", func(t *testing.T, r *media.Router) func() {
			s := r.Subscribe(media.Subscription{Name: "feed", Client: true})
			return func() { s.Send([]byte("last"), true); s.Close() }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := media.NewRouter()
				go r.Run(t.Context())
				known := func() bool {
					_, ok := r.Feeds()["feed"]
					return ok
				}
				time.Sleep(5 * time.Second) // out of step with the router
				for _, lasts := range []time.Duration{10 * time.Minute, time.Second} {
					r.Subscribe(media.Subscription{Name: "feed"}).Close()
					time.Sleep(56 * time.Second)
					end := c.use(t, r)
					time.Sleep(lasts)
					if !known() {
						t.Fatal("forgotten while it was in use")
					}
					end()
					time.Sleep(59 * time.Second)
					if !known() {
						t.Errorf("forgotten less than a minute after a use of %v", lasts)
					}
					time.Sleep(12 * time.Second)
					if known() {
						t.Errorf("not forgotten after a use of %v", lasts)
					}
				}
			})
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	if err := media.NewRouter().Run(over()); err != nil {
		t.Error(err)
	}
}

func TestDeliverGoesToLocalClientsOfThatNameAlone(t *testing.T) {
	r := media.NewRouter()
	r.SetStreams(map[string][]string{"s": {"feed"}})
	client := subscribe(t, r, media.Subscription{Name: "feed", Client: true, Incoming: true})
	ofStream := subscribe(t, r, media.Subscription{Name: "s", Client: true, Incoming: true})
	others := map[string]*media.Subscriber{
		"another destination":          subscribe(t, r, media.Subscription{Name: "feed"}),
		"a destination of the stream":  subscribe(t, r, media.Subscription{Name: "s"}),
		"a client of another name":     subscribe(t, r, media.Subscription{Name: "feed2", Client: true, Incoming: true}),
		"a client that has been there": subscribe(t, r, media.Subscription{Name: "feed", Client: true, Incoming: true}),
	}
	others["a player"] = subscribe(t, r, media.Subscription{Name: "feed", Client: true})
	others["a client that has been there"].Close()
	r.Deliver("feed", []byte("hello"), true)
	m, err := client.Take(over())
	if err != nil || !m.Text || string(m.Parts[0]) != "hello" {
		t.Errorf("%q, %v", m.Parts, err)
	}
	client.Done(true)
	r.Deliver("s", []byte{1}, false)
	m, err = ofStream.Take(over())
	if err != nil || m.Text || m.Len() != 1 {
		t.Errorf("%q, %v", m.Parts, err)
	}
	ofStream.Done(true)
	others["the client of the feed"] = client
	others["the client of the stream"] = ofStream
	for name, s := range others {
		if got := waiting(s); len(got) > 0 {
			t.Errorf("%s gets %q", name, got)
		}
	}
	if i := r.Feeds()["feed"]; i.Packets != 0 {
		t.Errorf("what was delivered came into the feed: %+v", i)
	}
}

func TestSendGoesToAllButTheSender(t *testing.T) {
	r := media.NewRouter()
	sender := subscribe(t, r, media.Subscription{Name: "feed", Client: true})
	client, destination := subscribe(t, r, media.Subscription{Name: "feed", Client: true}), subscribe(t, r, media.Subscription{Name: "feed"})
	if err := sender.Send([]byte("one"), true); err != nil {
		t.Fatal(err)
	}
	// A stream of the same name, made of the feed, has the same clients.
	r.SetStreams(map[string][]string{"feed": {"feed"}})
	if err := sender.Send([]byte("two"), false); err != nil {
		t.Fatal(err)
	}
	for s, want := range map[*media.Subscriber]string{sender: "", client: "two", destination: "two"} {
		if got := string(waiting(s)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if i := r.Feeds()["feed"]; i.Packets != 2 || i.Bytes != 6 {
		t.Errorf("%+v", i)
	}
}

func TestMessageIsNotSentIntoAPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		reader := follow(t, r, media.Subscription{Name: "feed"})
		client := subscribe(t, r, media.Subscription{Name: "feed", Client: true})
		p, ts := open(t, r, "feed"), newSource(3, 0).take(10)
		if err := client.Send(nil, true); err != nil {
			t.Errorf("before the first packet: %v", err)
		}
		p.send(t, ts)
		synctest.Wait()
		if err := client.Send([]byte("hello"), true); err != media.ErrFedByPost {
			t.Errorf("%v", err)
		}
		p.finish()
		synctest.Wait()
		same(t, reader.got(), ts)
		if err := client.Send([]byte("hello"), true); err != nil {
			t.Errorf("after the post: %v", err)
		}
	})
}

func TestClosedSubscriberIsGoneForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newSource(3, 0))
		x := subscribe(t, s.Router, media.Subscription{Name: "feed"})
		y := subscribe(t, s.Router, media.Subscription{Name: "unfed"})
		y.Close()
		go s.Run(t.Context())
		time.Sleep(2 * time.Minute)
		y.Start()
		s.play(t, 3)
		for range 2 {
			x.Close()
			x.Start()
			x.Follow("other", false)
			s.play(t, 1)
			if i := s.Feeds()["feed"]; i.Readers != 0 {
				t.Errorf("%d readers", i.Readers)
			}
			if names := slices.Collect(maps.Keys(s.Feeds())); len(names) != 1 || x.Info().Bytes != 0 {
				t.Errorf("feeds %v, %d bytes wait", names, x.Info().Bytes)
			}
		}
	})
}

func TestMutesAreListedAsTheyWereSet(t *testing.T) {
	r := media.NewRouter()
	for _, c := range []struct{ set, list []string }{
		{nil, []string{}},
		{[]string{"b", "a:video", "c:audio", "a:audio"}, []string{"a:audio", "a:video", "b", "c:audio"}},
		{[]string{"b", "b:video"}, []string{"b"}},
		{[]string{media.MuteAll, "b"}, []string{media.MuteAll, "b"}},
	} {
		r.SetMutes(c.set)
		if got := r.Mutes(); !slices.Equal(got, c.list) || got == nil {
			t.Errorf("%q, want %q", got, c.list)
		}
	}
}

// All that may be called from anywhere is called from everywhere, while
// packets flow. The race detector watches; what is read stays whole packets.
func TestEverythingAtOnce(t *testing.T) {
	r := media.NewRouter()
	rules := []map[string][]string{{"s": {"v", "a"}, "x": {"av"}}, {"s": {"v"}}, {"s": {"v", "chat"}, "v": {"av:audio"}}, nil}
	names := []string{"s", "x", "v", "a", "av", "chat"}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(ctx) })
	for i, name := range []string{"v", "a", "av", "v"} {
		src := newSource(i%2*5+3, i%3)
		wg.Go(func() {
			for ctx.Err() == nil {
				evicted := make(chan struct{})
				left := 200
				err := r.Post(name, sync.OnceFunc(func() { close(evicted) })).Copy(readerFunc(func(p []byte) (int, error) {
					select {
					case <-evicted:
						return 0, io.ErrClosedPipe
					default:
					}
					if left--; left < 0 || ctx.Err() != nil {
						return 0, io.EOF
					}
					return copy(p, src.frame()), nil
				}))
				if err != nil && err != media.ErrTakenOver && err != media.ErrEmptyPost {
					t.Error(err)
				}
			}
		})
	}
	for i := range 4 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for ctx.Err() == nil {
				s := r.Subscribe(media.Subscription{Name: names[random.IntN(len(names))], Client: i == 3})
				s.Start()
				for range random.IntN(50) {
					switch m, err := s.Take(over()); {
					case err != nil:
						runtime.Gosched()
					default:
						if n := m.Len(); !m.Text && n%mpegts.PacketSize != 0 {
							t.Errorf("a message of %d bytes", n)
						}
						s.Done(random.IntN(5) > 0)
					}
					if random.IntN(20) == 0 {
						s.Follow(names[random.IntN(len(names))], random.IntN(2) == 0).Wait(ctx)
					}
					if i == 3 {
						s.Send([]byte("hello"), true)
					}
					s.Info()
				}
				s.Stop()
				s.Close().Wait(ctx)
			}
		})
	}
	for i := range 2000 {
		r.SetStreams(rules[i%len(rules)]).Wait(ctx)
		if i%7 == 0 {
			r.SetMutes(names[i%len(names) : i%len(names)+i%2])
		}
		r.Deliver("chat", []byte("hi"), true)
		r.Feeds()
		r.Streams()
		r.Mutes()
	}
	cancel()
	wg.Wait()
}

func TestEmptyMessagesArePassedOn(t *testing.T) {
	r := media.NewRouter()
	sender := subscribe(t, r, media.Subscription{Name: "feed", Client: true})
	destination := subscribe(t, r, media.Subscription{Name: "feed"})
	for _, message := range []string{"", "after it"} {
		if err := sender.Send([]byte(message), true); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"", "after it"} {
		m, err := destination.Take(over())
		if err != nil || m.Len() != len(want) || !m.Text {
			t.Errorf("got %q, %v, want %q", m.Parts, err, want)
		}
		destination.Done(true)
	}
}
