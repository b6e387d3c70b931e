package soak_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// rules are the model: what was commanded. It is a value: what changes one makes another.
type rules struct {
	streams      map[string][]string
	destinations map[string]place
	former       map[string]former // by URL
	mutes        map[string]bool
}

// A place is where a stream, or a feed, is sent.
type place struct{ stream, url string }

// A former place is sent to until a changed rule's new link is up, for ten seconds at most.
type former struct {
	id    string
	place place
	until time.Time
}

// replaced is for how long a former place may be sent to: until the old link has ended, which is told
// to close after ten seconds.
const replaced = 13 * time.Second

// A permit is what may arrive at an address.
type permit struct {
	feeds   map[string]bool
	program string // the stream; "" for a feed as it is
}

var feeds = []string{"cam", "desk", "mic"}

func newRules() rules {
	return rules{map[string][]string{}, map[string]place{}, map[string]former{}, map[string]bool{}}
}

func (r rules) change(do func(rules)) rules {
	next := rules{maps.Clone(r.streams), maps.Clone(r.destinations), maps.Clone(r.former), maps.Clone(r.mutes)}
	do(next)
	maps.DeleteFunc(next.former, func(_ string, f former) bool { return time.Now().After(f.until) })
	return next
}

// permits are those of all addresses, by URL.
func (r rules) permits() map[string]permit {
	all := map[string]permit{}
	for _, f := range r.former {
		if time.Now().Before(f.until) {
			all[f.place.url] = r.permit(f.place)
		}
	}
	for _, p := range r.destinations {
		all[p.url] = r.permit(p)
	}
	return all
}

func (r rules) permit(p place) permit {
	wanted, isStream := r.streams[p.stream]
	it := permit{map[string]bool{}, p.stream}
	if !isStream && slices.Contains(feeds, p.stream) {
		wanted, it.program = []string{p.stream}, ""
	}
	for _, f := range wanted {
		if !r.mutes[f] && !r.mutes["*"] {
			it.feeds[f] = true
		}
	}
	return it
}

// An order is a command, what it makes of the rules, and what it is answered.
type order struct {
	text string    // as a channel takes it; "": only the owner may
	rest [3]string // method, path and body; none: there is no such request
	next rules
	want string // JSON
}

// anError is a reply in whatever words.
const anError = `{"error":"*"}`

var ids = []string{"0", "1", "2", "3"}

// topics are where destinations lead.
func topics() (all []string) {
	for _, id := range ids {
		all = append(all, "d"+id+".0", "d"+id+".1")
	}
	return all
}

// programs are the feeds of a stream: the sound alone, the other camera, nothing.
var programs = [][]string{{"cam", "mic"}, {"cam", "mic"}, {"desk", "mic"}, {"cam"}, {"mic"}, {"desk"}, {}}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// draw draws the next order.
func draw(r *rand.Rand, in rules, sites []string) order {
	switch n := r.IntN(20); {
	case n < 6:
		return streamOrder(in, pick(r, []string{"lab", "lab", "hall"}), pick(r, programs))
	case n < 8:
		return withoutOrder(in, "stream", pick(r, []string{"lab", "hall"}))
	case n < 13:
		id := pick(r, ids)
		p := place{pick(r, []string{"lab", "lab", "hall", "cam"}), fmt.Sprintf("%s/in/d%s.%d", pick(r, sites), id, r.IntN(2))}
		if old, is := in.destinations[id]; is && r.IntN(2) == 0 {
			p.stream = old.stream
		}
		return destinationOrder(in, id, p)
	case n < 15:
		return withoutOrder(in, "destination", pick(r, ids))
	case n < 18:
		entry, on := pick(r, []string{"cam", "desk", "mic", "*"}), r.IntN(2) == 0
		if len(in.mutes) > 0 && r.IntN(2) == 0 {
			entry, on = pick(r, slices.Sorted(maps.Keys(in.mutes))), false
		}
		return muteOrder(in, entry, on)
	}
	return otherOrder(r, in)
}

func streamOrder(in rules, name string, of []string) order {
	rule := jsonOf(map[string]any{"stream": name, "feeds": of})
	next := in.change(func(n rules) { n.streams[name] = of })
	return order{`{"verb":"add","what":"stream","rule":` + rule + `}`, [3]string{"POST", "/api/streams", rule}, next, rule}
}

func destinationOrder(in rules, id string, p place) order {
	rule := jsonOf(map[string]any{"id": id, "stream": p.stream, "destination": p.url})
	next := in.change(func(n rules) {
		old, was := n.destinations[id]
		switch {
		case was && old.stream != p.stream: // what carried on ends at once
			n.forget(id)
		case was && old.url != p.url:
			n.former[old.url] = former{id, old, time.Now().Add(replaced)}
		}
		n.destinations[id] = p
	})
	return order{`{"verb":"add","what":"destination","rule":` + rule + `}`, [3]string{"POST", "/api/destinations", rule}, next, rule}
}

func (r rules) forget(id string) {
	maps.DeleteFunc(r.former, func(_ string, f former) bool { return f.id == id })
}

func withoutOrder(in rules, what, which string) order {
	next := in.change(func(n rules) {
		if what == "stream" {
			delete(n.streams, which)
		} else {
			delete(n.destinations, which)
			n.forget(which)
		}
	})
	return order{fmt.Sprintf(`{"verb":"delete","what":%q,"which":%q}`, what, which), [3]string{"DELETE", "/api/" + what + "s/" + which, ""},
		next, jsonOf(map[string]string{"deleted": which})}
}

func muteOrder(in rules, entry string, on bool) order {
	o := order{rest: [3]string{"DELETE", "/api/mutes/" + entry, ""}}
	if on {
		o.rest[0] = "PUT"
	}
	o.next = in.change(func(n rules) {
		if delete(n.mutes, entry); on {
			n.mutes[entry] = true
		}
	})
	o.want = jsonOf(map[string]any{"mutes": append([]string{}, slices.Sorted(maps.Keys(o.next.mutes))...)})
	return o
}

// otherOrder is what changes nothing.
func otherOrder(r *rand.Rand, in rules) order {
	name, id := pick(r, []string{"lab", "hall"}), pick(r, ids)
	p, is := in.destinations[id]
	listed := anError
	if is {
		listed = jsonOf(map[string]string{"id": id, "stream": p.stream, "destination": p.url})
	}
	return pick(r, []order{
		{`{"verb":"healthcheck"}`, [3]string{}, in, `{"healthcheck":"ok"}`},
		{`{"verb":"delete","what":"destination","which":"apiRule"}`, [3]string{}, in, `{"error":"Cannot delete apiRule"}`},
		{`{"verb":"add","what":"stream","rule":{"stream":"lab"}}`, [3]string{}, in, anError},
		{fmt.Sprintf(`{"verb":"list","what":"stream","which":%q}`, name), [3]string{}, in, jsonOf(map[string]any{"feeds": in.streams[name]})},
		{fmt.Sprintf(`{"verb":"list","what":"destination","which":%q}`, id), [3]string{}, in, listed},
	})
}

// wanted compares a reply, by JSON value, with what it has to be: by its keys alone, since others
// are for people.
func wanted(got, want string) bool {
	var g, w map[string]any
	if json.Unmarshal([]byte(got), &g) != nil || json.Unmarshal([]byte(want), &w) != nil {
		return false
	}
	if want == anError {
		return g["error"] != nil
	}
	for key, value := range w {
		if jsonOf(g[key]) != jsonOf(value) {
			return false
		}
	}
	return strings.Contains(want, "error") || g["error"] == nil
}

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
