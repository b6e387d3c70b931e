package agent_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// An order is a command, what it makes of the rules, and what it has to be answered.
type order struct {
	text  map[string]any // as a channel takes it
	rest  [3]string      // method, path and body of the same over REST; none: there is no such request
	local bool           // it is given on the agent's machine
	next  ruling
	want  string // the reply as JSON, or an error
}

// anError is the reply of a command that cannot be done, in whatever words.
const anError = `{"error":"*"}`

var (
	simStreams = []string{"lab", "desk", "hall", "cam1"}
	simIDs     = []string{"0", "1", "2", "3"}
	simRelays  = []string{"localhost:81", "127.0.0.2:82", "127.0.0.3:83"}
)

// draw draws the next command.
func draw(r *rand.Rand, m ruling) order {
	o := order{local: r.IntN(3) == 0, next: m}
	locks := 1
	if m.before != nil { // a lock decides what becomes of a table on trial
		locks = 5
	}
	kinds := []struct {
		weight int
		draw   func(*rand.Rand, ruling, order) order
	}{
		{6, addStream}, {2, deleteStream}, {7, addDestination}, {2, deleteDestination}, {5, addTable}, {1, confirmTable},
		{2, listSome}, {4, muteSome}, {locks, lockAll}, {2, nonsense},
	}
	sum := 0
	for _, k := range kinds {
		sum += k.weight
	}
	n := r.IntN(sum)
	for _, k := range kinds {
		if n -= k.weight; n < 0 {
			o = k.draw(r, m, o)
			break
		}
	}
	if verb := o.text["verb"]; m.locked && !o.local && (verb == "add" || verb == "delete") {
		o.next, o.want = m, anError
	}
	return o
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func drawFeeds(r *rand.Rand) []string {
	feeds := []string{}
	for _, f := range simFeeds {
		if r.IntN(2) == 0 {
			continue
		}
		if part := r.IntN(4); f.name == "av" && part < 2 {
			f.name += []string{":video", ":audio"}[part]
		}
		feeds = append(feeds, f.name)
	}
	r.Shuffle(len(feeds), func(i, j int) { feeds[i], feeds[j] = feeds[j], feeds[i] })
	return feeds
}

func drawURL(r *rand.Rand, id string) string {
	return fmt.Sprintf("ws://%s/in/d%s.%d", pick(r, simRelays), id, r.IntN(2))
}

// drawNames are what a destination may be given.
func drawName(r *rand.Rand) string {
	if r.IntN(3) > 0 {
		return pick(r, simStreams)
	}
	return pick(r, append([]string{"nobody"}, kindsNames()...))
}

func kindsNames() (names []string) {
	for _, f := range simFeeds {
		names = append(names, f.name)
	}
	return names
}

func addStream(r *rand.Rand, m ruling, o order) order {
	name, feeds := pick(r, simStreams), drawFeeds(r)
	rule := map[string]any{"stream": name, "feeds": feeds}
	o.text = map[string]any{"verb": "add", "what": "stream", "rule": rule}
	o.rest = [3]string{"POST", "/api/streams", jsonOf(rule)}
	o.next, o.want = m.withStream(o.local, name, feeds), jsonOf(rule)
	return o
}

func deleteStream(r *rand.Rand, m ruling, o order) order {
	name := pick(r, append([]string{"all"}, simStreams...))
	o.text = map[string]any{"verb": "delete", "what": "stream", "which": name}
	o.rest = [3]string{"DELETE", "/api/streams/" + name, ""}
	o.next, o.want = m.withoutStream(o.local, name), deleted(name)
	return o
}

func deleted(which string) string {
	if which == "all" {
		which = "deleteAll"
	}
	return jsonOf(map[string]string{"deleted": which})
}

func addDestination(r *rand.Rand, m ruling, o order) order {
	id, name := pick(r, simIDs), drawName(r)
	url := drawURL(r, id)
	if p, is := m.destinations[id]; is {
		switch r.IntN(3) {
		case 0:
			url = p.url
		case 1:
			name = p.stream
		}
	}
	rule := map[string]any{"id": id, "stream": name, "destination": url}
	o.text = map[string]any{"verb": "add", "what": "destination", "rule": rule}
	o.rest = [3]string{"POST", "/api/destinations", jsonOf(rule)}
	o.next, o.want = m.withDestination(o.local, id, name, url), jsonOf(rule)
	return o
}

func deleteDestination(r *rand.Rand, m ruling, o order) order {
	id := pick(r, append([]string{"all"}, simIDs...))
	o.text = map[string]any{"verb": "delete", "what": "destination", "which": id}
	o.rest = [3]string{"DELETE", "/api/destinations/" + id, ""}
	o.next, o.want = m.withoutDestination(o.local, id), deleted(id)
	return o
}

// addTable replaces all, or but asks what it would be.
func addTable(r *rand.Rand, m ruling, o order) order {
	t := tableOf{streams: maps.Clone(m.streams), destinations: map[string]place{}}
	for id, p := range m.destinations {
		_, is := m.streams[p.stream]
		t.destinations[id] = place{stream: p.stream, url: p.url, ofStream: p.ofStream && !is}
	}
	for range r.IntN(4) { // as it is listed, or changed here and there
		id := pick(r, simIDs)
		switch r.IntN(4) {
		case 0:
			t.streams[pick(r, simStreams)] = drawFeeds(r)
		case 1:
			delete(t.streams, pick(r, simStreams))
		case 2:
			t.destinations[id] = place{stream: drawName(r), url: drawURL(r, id)}
		case 3:
			delete(t.destinations, id)
		}
	}
	o.text = t.command()
	if r.IntN(2) == 0 {
		t.confirm = time.Duration(1+r.IntN(200)) * time.Second
		o.text["confirm"] = t.confirm.String()
	}
	o.next = m.withTable(o.local, t, time.Now())
	wanted := map[string]any{"rules": o.next.listed(), "hash": o.next.hash()}
	if r.IntN(4) == 0 {
		o.text["dryRun"] = true
		wanted["dryRun"] = true
		o.next = m
	}
	o.want = jsonOf(wanted)
	switch r.IntN(6) {
	case 0:
		o.text["if"] = m.hash()
	case 1:
		o.text["if"] = strings.Repeat("0", 64)
		if !m.withTable(o.local, t, time.Now()).sameTable(m) {
			o.next, o.want = m, anError
		}
	}
	return o
}

// command is what replaces all by the table.
func (t tableOf) command() map[string]any {
	destinations := map[string]any{}
	for id, p := range t.destinations {
		d := p.listed(id)
		if p.ofStream {
			d["silent"] = true
		}
		destinations[id] = d
	}
	return map[string]any{"verb": "add", "what": "rules", "rule": map[string]any{"streams": t.streams, "destinations": destinations}}
}

func confirmTable(r *rand.Rand, m ruling, o order) order {
	o.text = map[string]any{"verb": "add", "what": "confirm"}
	o.next, o.want = m.confirmed(), jsonOf(map[string]string{"confirmed": m.hash()})
	switch r.IntN(4) {
	case 0:
		o.text["if"] = m.hash()
		return o
	case 1:
		o.text["if"] = strings.Repeat("0", 64)
		o.next, o.want = m, anError
	}
	if m.before == nil {
		o.want = anError
	}
	return o
}

func listSome(r *rand.Rand, m ruling, o order) order {
	o.text = map[string]any{"verb": "list", "what": "rules"}
	o.want = jsonOf(map[string]any{"rules": m.listed(), "hash": m.hash()})
	switch r.IntN(3) {
	case 0:
		name := pick(r, simStreams)
		o.text = map[string]any{"verb": "list", "what": "stream", "which": name}
		o.want = jsonOf(map[string]any{"feeds": m.streams[name]})
	case 1:
		id := pick(r, simIDs)
		o.text = map[string]any{"verb": "list", "what": "destination", "which": id}
		o.want = anError
		if p, is := m.destinations[id]; is {
			o.want = jsonOf(p.listed(id))
		}
	}
	return o
}

// muteSome is the owner's alone.
func muteSome(r *rand.Rand, m ruling, o order) order {
	entry, on := pick(r, []string{"*", "cam0", "cam1", "mic0", "mic1", "av", "av:video", "av:audio"}), r.IntN(2) == 0
	if len(m.mutes) > 0 && r.IntN(2) == 0 {
		entry, on = pick(r, slices.Sorted(maps.Keys(m.mutes))), false
	}
	o.local, o.next = true, m.withMute(entry, on)
	o.rest = [3]string{"PUT", "/api/mutes/" + entry, ""}
	if !on {
		o.rest[0] = "DELETE"
	}
	o.want = jsonOf(append([]string{}, slices.Sorted(maps.Keys(o.next.mutes))...))
	return o
}

func lockAll(r *rand.Rand, m ruling, o order) order {
	on := !m.locked && (m.before != nil || r.IntN(3) == 0)
	o.local, o.next = true, m.withLock(on)
	o.rest = [3]string{"PUT", "/api/lock", ""}
	if !on {
		o.rest[0] = "DELETE"
	}
	o.want = jsonOf(map[string]bool{"locked": on, "kept": true})
	return o
}

// nonsense is what changes nothing.
func nonsense(r *rand.Rand, _ ruling, o order) order {
	o.want = anError
	switch r.IntN(7) {
	case 0:
		o.text, o.want = map[string]any{"verb": "healthcheck"}, `{"healthcheck":"ok"}`
	case 1:
		o.text = map[string]any{"verb": "delete", "what": "destination", "which": "apiRule"}
		o.want = `{"error":"Cannot delete apiRule"}`
	case 2:
		o.text = map[string]any{"verb": "add", "what": "stream", "rule": map[string]any{"stream": "lab", "feeds": []string{"cam0", "cam0:video"}}}
	case 3:
		o.text = map[string]any{"verb": "add", "what": "stream", "rule": map[string]any{"stream": "lab"}}
	case 4:
		o.text = map[string]any{"verb": "add", "what": "destination", "rule": map[string]any{"id": "0", "stream": "lab", "destination": "gopher://relay.example/in/x"}}
	case 5:
		o.text, o.want = map[string]any{"verb": "ad"}, `{"error":"Unrecognised Command"}`
	case 6:
		o.text = map[string]any{"verb": "add", "what": "rules", "rule": map[string]any{"streams": map[string]any{"lab": []string{}}}}
	}
	return o
}
