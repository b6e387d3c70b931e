package agent_test

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"
)

// A ruling is the model: it says what the rules of an agent are, and what may leave it therefore. It is
// written from the manuals, not from the program. It is a value: what changes one
// returns another.
type ruling struct {
	streams      map[string][]string
	destinations map[string]place
	before       *ruling // to which a table on trial returns
	until        time.Time
	mutes        map[string]bool
	locked       bool
}

// A place is where a stream, or a feed, is sent to.
type place struct {
	stream, url string
	ofStream    bool // it belongs to a stream, also while that is deleted
	local       bool // the owner's
}

func newModel() ruling {
	return ruling{streams: map[string][]string{}, destinations: map[string]place{}, mutes: map[string]bool{}}
}

func (m ruling) clone() ruling {
	m.streams, m.destinations, m.mutes = maps.Clone(m.streams), maps.Clone(m.destinations), maps.Clone(m.mutes)
	return m
}

// changed is the ruling after a change of a rule: the owner's ends a trial.
func (m ruling) changed(local bool, change func(ruling)) ruling {
	m = m.clone()
	if local {
		m.before = nil
	}
	change(m)
	return m
}

func (m ruling) withStream(local bool, name string, feeds []string) ruling {
	return m.changed(local, func(m ruling) {
		m.streams[name] = feeds
		for id, p := range m.destinations {
			if p.stream == name {
				p.ofStream = true
				m.destinations[id] = p
			}
		}
	})
}

func (m ruling) withoutStream(local bool, name string) ruling {
	return m.changed(local, func(m ruling) {
		maps.DeleteFunc(m.streams, func(s string, _ []string) bool { return s == name || name == "all" })
	})
}

func (m ruling) withDestination(local bool, id, stream, url string) ruling {
	old := m.destinations[id]
	return m.changed(local, func(m ruling) {
		p := place{stream: stream, url: url, local: local || old.local && old.stream == stream && old.url == url}
		_, p.ofStream = m.streams[stream]
		m.destinations[id] = p
	})
}

func (m ruling) withoutDestination(local bool, id string) ruling {
	return m.changed(local, func(m ruling) {
		maps.DeleteFunc(m.destinations, func(d string, _ place) bool { return d == id || id == "all" })
	})
}

// A tableOf is a whole table as it is sent.
type tableOf struct {
	streams      map[string][]string
	destinations map[string]place // ofStream stands for "silent"
	confirm      time.Duration
}

// withTable is the ruling after a table has been sent at a time.
func (m ruling) withTable(local bool, t tableOf, at time.Time) ruling {
	next := m.clone()
	next.streams, next.destinations = maps.Clone(t.streams), map[string]place{}
	for id, p := range t.destinations {
		old := m.destinations[id]
		_, is := t.streams[p.stream]
		next.destinations[id] = place{p.stream, p.url, is || p.ofStream, local || old.local && old.stream == p.stream && old.url == p.url}
	}
	same := next.sameTable(m)
	switch {
	case same && t.confirm > 0: // nothing is changed
	case t.confirm == 0:
		next.before = nil
	default:
		before := m
		if m.before != nil {
			before = *m.before
		}
		before.before = nil
		next.before, next.until = &before, at.Add(t.confirm)
	}
	return next
}

func (m ruling) confirmed() ruling {
	m.before = nil
	return m
}

// takenBack is the ruling after the time of a trial is up, or after a restart: rules
// that are locked then stay.
func (m ruling) takenBack() ruling {
	if m.before == nil {
		return m
	}
	if !m.locked {
		m.streams, m.destinations = m.before.streams, m.before.destinations
	}
	m.before = nil
	return m
}

func (m ruling) withMute(entry string, on bool) ruling {
	m = m.clone()
	if on {
		m.mutes[entry] = true
	} else {
		delete(m.mutes, entry)
	}
	return m
}

func (m ruling) withLock(on bool) ruling {
	m.locked = on
	return m
}

func (m ruling) sameTable(o ruling) bool {
	return maps.EqualFunc(m.streams, o.streams, slices.Equal[[]string]) && maps.Equal(m.destinations, o.destinations)
}

// listed is the table as list rules shows it.
func (m ruling) listed() map[string]any {
	destinations := map[string]any{}
	for id, p := range m.destinations {
		d := p.listed(id)
		if _, is := m.streams[p.stream]; p.ofStream && !is {
			d["silent"] = true
		}
		destinations[id] = d
	}
	return map[string]any{"streams": m.streams, "destinations": destinations}
}

func (p place) listed(id string) map[string]any {
	return map[string]any{"id": id, "stream": p.stream, "destination": p.url}
}

// hash is that of the table: its keys are in order in our JSON too, and it holds no
// token.
func (m ruling) hash() string {
	sum := sha256.Sum256([]byte(jsonOf(m.listed())))
	return hex.EncodeToString(sum[:])
}

// A permit is what may leave for an address.
type permit struct {
	tracks  map[track]bool
	program string // the stream that makes it one sound program; "" for a feed's own packets
	silent  bool   // which has no rule
}

// permits are those of all addresses that the rules name.
func (m ruling) permits() map[string]permit {
	all := map[string]permit{}
	for _, p := range m.destinations {
		all[p.url] = m.permit(p)
	}
	return all
}

func (m ruling) permit(p place) permit {
	r := permit{tracks: map[track]bool{}}
	entries, is := m.streams[p.stream]
	switch {
	case is || p.ofStream:
		r.program, r.silent = p.stream, !is
	default:
		entries = []string{p.stream}
	}
	for _, entry := range entries {
		feed, part, _ := strings.Cut(entry, ":")
		for _, kind := range []byte(kindsOf(feed)) {
			if (part == "" || part[0] == kind) && !m.muted(feed, kind) {
				r.tracks[track{feed, kind}] = true
			}
		}
	}
	return r
}

func (m ruling) muted(feed string, kind byte) bool {
	part := map[byte]string{'v': ":video", 'a': ":audio"}[kind]
	return m.mutes["*"] || m.mutes[feed] || m.mutes[feed+part]
}
