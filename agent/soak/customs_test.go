package soak_test

import (
	"fmt"
	"maps"
	"time"

	"vw/media/tscheck"
	"vw/testrelay"
)

const (
	// taken is how long the agent may take to read what was sent: it may leave by a rule that is
	// given so much later.
	taken = time.Second
	// waited is how long it may wait for a link: the rule by which it was to leave may lead elsewhere then.
	waited = 2 * time.Second
	// looked is how long what arrives waits before it is looked at: it is remembered then when it was sent.
	looked = 300 * time.Millisecond
	// underWay is how long ago what arrives may have been sent, where a relay is slow.
	underWay = 15 * time.Second
	// inTime is how long a packet may take by a link without a fault, whatever the others do.
	inTime = 3 * time.Second
)

// limits are those of tscheck but for PCRs: between two of the program's own are 120 ms, and a busy machine is
// late with the next.
var limits = tscheck.Options{MaxPCRInterval: 400 * time.Millisecond}

// customs look at all that arrives, and hold it against what may.
type customs struct {
	clock   *clock
	seen    *memory
	permits []allowance // the newest last
	links   map[linkKey]*arriving
	last    map[string]arrival // by URL and feed: what was sent last of what has come
	wrong   []string

	packets, known, timely int
	judged, excused        int           // programs; those that a busy machine has made late
	late, latest           time.Duration // in sum, and at most
}

// A linkKey is that of a link: numbers are a relay's.
type linkKey struct {
	url    string
	number int
}

// An allowance is what may arrive from a time on.
type allowance struct {
	at      time.Time
	permits map[string]permit
}

// An arrival is of a packet.
type arrival struct{ sent, at time.Time }

// An arriving link carries one program, as long as no rule brings it another.
type arriving struct {
	url, program string
	begun, last  time.Time
	checker      *tscheck.Checker // nil: not checked, or no more
}

func newCustoms(clock *clock, seen *memory) *customs {
	return &customs{clock: clock, seen: seen, permits: []allowance{{time.Time{}, map[string]permit{}}}, links: map[linkKey]*arriving{}, last: map[string]arrival{}}
}

// allow puts permits in force from now on.
func (c *customs) allow(permits map[string]permit) {
	c.permits = append(c.permits, allowance{time.Now(), permits})
	if len(c.permits) > 10 && time.Since(c.permits[len(c.permits)/2].at) > 3*time.Minute {
		c.permits = c.permits[len(c.permits)/2:]
	}
}

// either is what one of two permits allows.
func either(a, b map[string]permit) map[string]permit {
	all := maps.Clone(a)
	for url, p := range b {
		if have, ok := all[url]; ok {
			p = permit{maps.Clone(p.feeds), p.program}
			if have.program != p.program {
				p.program = ""
			}
			maps.Copy(p.feeds, have.feeds)
		}
		all[url] = p
	}
	return all
}

func (c *customs) fault(format string, args ...any) {
	if len(c.wrong) < 20 {
		c.wrong = append(c.wrong, fmt.Sprintf("%v  ", time.Now().Format(time.TimeOnly))+fmt.Sprintf(format, args...))
	}
}

// in returns the allowances in force between two times.
func (c *customs) in(from, to time.Time) (all []allowance) {
	for i, a := range c.permits {
		ends := i+1 < len(c.permits) && !c.permits[i+1].at.After(from)
		if !ends && !a.at.After(to) {
			all = append(all, a)
		}
	}
	return all
}

// take looks at a message that has arrived at a URL.
func (c *customs) take(url string, m testrelay.Message, timely func(arrival) (bool, time.Duration)) {
	link := c.link(linkKey{url, m.Link}, m.At)
	if len(m.Data)%packetSize != 0 {
		c.fault("a message of %d bytes at %s is no whole packets", len(m.Data), url)
		return
	}
	if link.checker != nil && c.program(url, m.At) != link.program {
		c.judge(link)
	}
	if link.checker != nil {
		_, _ = link.checker.Write(m.Data)
		link.last = m.At
	}
	for at := 0; at < len(m.Data); at += packetSize {
		c.packets++
		s, ok := c.seen.recall(m.Data[at : at+packetSize])
		if !ok {
			continue
		}
		c.known++
		c.packet(url, s, m.At, timely)
	}
}

// link returns the link by which something has come at a time.
func (c *customs) link(key linkKey, at time.Time) *arriving {
	link := c.links[key]
	if link != nil {
		return link
	}
	for _, other := range c.links {
		if other.url == key.url { // it is over
			c.judge(other)
		}
	}
	link = &arriving{url: key.url, begun: at, program: c.program(key.url, at)}
	if link.program != "" {
		link.checker = tscheck.New(limits)
	}
	c.links[key] = link
	return link
}

// program is the stream that a URL is sent at a time, as far as can be told: "" where it is a feed, or what it is
// has changed while something was under way.
func (c *customs) program(url string, at time.Time) (program string) {
	for _, a := range c.in(at.Add(-underWay), at) {
		p, is := a.permits[url]
		if is && (p.program == "" || program != "" && p.program != program) {
			return ""
		}
		if is {
			program = p.program
		}
	}
	return program
}

// packet holds that one of a feed may have arrived.
func (c *customs) packet(url string, s sighting, at time.Time, timely func(arrival) (bool, time.Duration)) {
	if !c.allowed(url, s) {
		c.fault("a packet of %s that was sent at %v arrived at %s at %v, and no rule let it out then", s.feed, s.at.Format("15:04:05.000"), url, at.Format("15:04:05.000"))
	}
	a := arrival{s.at, at}
	if last := c.last[url+" "+s.feed]; s.at.After(last.sent) {
		c.last[url+" "+s.feed] = a
	}
	if counts, took := timely(a); counts {
		c.timely++
		c.late += took
		c.latest = max(c.latest, took)
		if took > inTime {
			c.fault("a packet of %s took %v to %s, which has no fault", s.feed, took, url)
		}
	}
}

// allowed reports whether a packet may arrive at a URL: a rule was to send it there, or elsewhere and has
// been changed while it waited.
func (c *customs) allowed(url string, s sighting) bool {
	programs := map[string]bool{}
	for _, a := range c.in(s.at, s.at.Add(taken)) {
		if a.permits[url].feeds[s.feed] {
			return true
		}
		for _, p := range a.permits {
			if p.feeds[s.feed] {
				programs[p.program] = true
			}
		}
	}
	for _, a := range c.in(s.at, s.at.Add(taken+waited)) {
		if p := a.permits[url]; p.feeds[s.feed] && programs[p.program] {
			return true
		}
	}
	return false
}

func (c *customs) average() time.Duration { return c.late / time.Duration(max(1, c.timely)) }

// judge tells what is wrong with the program that has come by a link, and ends its check.
func (c *customs) judge(link *arriving) {
	if link.checker == nil {
		return
	}
	r := link.checker.Report()
	link.checker = nil
	c.judged++
	if r.Packets < 200 { // it ended, or was judged, before its first table or PCR: one to which a rule was moved begins between them
		return
	}
	if !r.Sound() && c.clock.busySince(link.begun) {
		c.excused++
		r = withoutLateness(r)
	}
	for _, fault := range r.Faults() {
		c.fault("the program %s at %s, from %v to %v, is not sound: %s", link.program, link.url, link.begun.Format(time.TimeOnly), link.last.Format(time.TimeOnly), fault)
	}
}

// withoutLateness leaves out what has come late: where a processor is waited for, nobody is in time.
func withoutLateness(r tscheck.Report) tscheck.Report {
	r.PATGaps = 0
	for i := range r.Programs {
		p := &r.Programs[i]
		p.PMTGaps, p.PCRGaps, p.PCRJumps = 0, 0, 0
		for k := range p.Tracks {
			t := &p.Tracks[k]
			t.DTSJumps, t.LatePTSs, t.EarlyPTSs, t.Holes, t.CrowdedDTSs, t.Overlaps = 0, 0, 0, 0, 0, 0
		}
	}
	return r
}

// forgive ends the checks of all programs.
func (c *customs) forgive() {
	for _, link := range c.links {
		link.checker = nil
	}
}

// judgeAll judges all programs, of links that are over and of those that are not.
func (c *customs) judgeAll() {
	for _, link := range c.links {
		c.judge(link)
	}
}
