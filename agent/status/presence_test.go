package status_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"vw/agent/status"
	"vw/media"
)

// told is what a message of presence tells.
func told(t *testing.T, message []byte) (p status.Presence) {
	t.Helper()
	if err := json.Unmarshal(message, &struct{ Status *status.Presence }{&p}); err != nil {
		t.Fatalf("%v: %s", err, message)
	}
	return p
}

// Of a feed of which something is muted presence tells nothing, whatever it does.
func TestPresenceTellsNothingOfAMutedFeed(t *testing.T) {
	present := func(secret, av status.Feed) string {
		s := status.Status{Name: "a", Mutes: []string{"av:audio", "secret"}, Streams: map[string]status.Stream{},
			Feeds:        map[string]status.Feed{"secret": secret, "av": av, "open": fed(10)},
			Destinations: map[string]status.Destination{"0": {Stream: "secret", Info: up()}, "1": {Stream: "open", Info: up()}}}
		s.Decide(time.Now())
		return string(s.Presence(status.Heartbeat).Message())
	}
	want := `{"status":{"name":"a","instance":"","version":"","event":"heartbeat","rules":"","muted":["av:audio","secret"],"locked":false,` +
		`"destinations":{"0":"muted","1":"on_air"},"feeds":{"open":"on_air"}}}`
	gone := status.Feed{FeedInfo: media.FeedInfo{Muted: []string{"all"}}}
	for name, secret := range map[string]status.Feed{"flows": fed(10, "all"), "has stopped": fed(9000, "all"), "never came": gone} {
		for _, age := range []int64{10, 9000} {
			if got := present(secret, fed(age, "audio")); got != want {
				t.Errorf("when it %s:\n got %s\nwant %s", name, got, want)
			}
		}
	}
}

func TestPresenceIsEightKiBAtMostAndSaysHowManyAreMissing(t *testing.T) {
	s := status.Status{Name: "a", Feeds: map[string]status.Feed{}, Destinations: map[string]status.Destination{}}
	for i := range 1000 {
		condition := status.OnAir
		if i%100 == 99 {
			condition = status.Unreachable
		}
		name := fmt.Sprintf("%s%03d", strings.Repeat("n", i%125), i)
		s.Destinations[name] = status.Destination{Condition: condition}
		s.Feeds[name] = status.Feed{Condition: status.Missing}
		s.Mutes = append(s.Mutes, name+":audio")
		if i != 20 && i%111 != 0 {
			continue
		}
		message := s.Presence(status.Hello).Message()
		if len(message) > 8192 {
			t.Fatalf("%d rules: %d bytes", i, len(message))
		}
		p := told(t, message)
		more := status.More{}
		if p.More != nil {
			more = *p.More
		}
		if len(p.Destinations)+more.Destinations != i+1 || len(p.Feeds)+more.Feeds != i+1 || len(p.Muted)+more.Muted != i+1 {
			t.Fatalf("%d rules: %d destinations, %d feeds and %d mutes are told, besides %+v", i, len(p.Destinations), len(p.Feeds), len(p.Muted), more)
		}
		if i == 20 && p.More != nil {
			t.Errorf("what had room is not told: %+v", p.More)
		}
		for name, d := range s.Destinations {
			if d.Condition == status.Unreachable && p.Destinations[name] == nil {
				t.Fatalf("%d rules: %s, which is unreachable, had no room", i, name)
			}
		}
	}
}

func TestAChangeTellsWhatIsNotAsItWas(t *testing.T) {
	at := func(rules string, locked bool, of map[string]status.Condition) status.Presence {
		s := status.Status{Rules: rules, Locked: locked, Destinations: map[string]status.Destination{}}
		for id, c := range of {
			s.Destinations[id] = status.Destination{Condition: c}
		}
		return s.Presence(status.Change)
	}
	type of = map[string]status.Condition
	before := at("h", false, of{"0": status.OnAir, "1": status.OnAir})
	for name, c := range map[string]struct {
		now  status.Presence
		want string // destinations; "" for no change
	}{
		"nothing":     {at("h", false, of{"0": status.OnAir, "1": status.OnAir}), ""},
		"a condition": {at("h", false, of{"0": status.OnAir, "1": status.Behind}), `{"1":"behind"}`},
		"a rule more": {at("h", false, of{"0": status.OnAir, "1": status.OnAir, "2": status.Pending}), `{"2":"pending"}`},
		"a rule less": {at("h", false, of{"1": status.OnAir}), `{"0":null}`},
		"other rules": {at("i", false, of{"0": status.OnAir, "1": status.OnAir}), `{}`},
		"the lock":    {at("h", true, of{"0": status.OnAir, "1": status.OnAir}), `{}`},
	} {
		changed, any := c.now.Since(before)
		text, _ := json.Marshal(changed.Destinations)
		if any != (c.want != "") || any && string(text) != c.want {
			t.Errorf("%s: %v %s, want %s", name, any, text, c.want)
		}
	}
}
