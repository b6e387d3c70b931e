package program_test

import (
	"cmp"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/program"
	"vw/media/tscheck"
)

var days = flag.Int("days", 0, "how many days of filling and splicing TestSoundKeepsToThePictureForDays simulates, of at most 360; 0: 3 hours")

// A laboratory is a program, its sources, and what a viewer finds.
type laboratory struct {
	*testing.T
	p       *program.Program
	rigs    []*rig
	rule    []string
	rnd     *rand.Rand
	now     int64 // arrival
	acts    []act // to be done, by their time
	last    string
	lastAt  int64
	out     []byte
	check   *tscheck.Checker
	offsets [2]int64 // of PTS and moment, of pictures and of sound
	seen    [2]int64 // when
	base    int64    // how far apart these are where all is in time
	most    int64    // and by how much they are not, at most
	when    string
	rest    int64 // and 7 s after an act and later
	marked  int64
}

type act struct {
	at   int64
	name string
	do   func()
}

func (l *laboratory) time() time.Duration { return arrivalTime(l.now) }

func (l *laboratory) rig(feed string) *rig {
	return l.rigs[slices.IndexFunc(l.rigs, func(r *rig) bool { return r.feed == feed })]
}

// choose puts a rule in force.
func (l *laboratory) choose(feeds ...string) {
	s := rule(feeds...)
	for i := range s {
		if r := l.rig(s[i].Feed); !r.away {
			s[i].Tables = r.tables()
		}
	}
	l.p.Select(s)
	l.out = l.p.Fill(l.out, l.time())
}

// plan has acts done from a moment on, one about every ten minutes.
func (l *laboratory) plan(length int64) {
	const minute = 60 * mpegts.PTSHz
	without := func(kind string) func() []string {
		return func() []string {
			return slices.DeleteFunc(slices.Clone(l.rule), func(s string) bool { return s[len(s)-5:] == kind })
		}
	}
	spare := func() []string { return []string{"spare:video", l.rule[1]} }
	away := func(name string, feeds func() []string, lasts int64) func(at int64) {
		return func(at int64) {
			l.acts = append(l.acts, act{at, name, func() { l.choose(feeds()...) }}, act{at + lasts, name + ", over", func() { l.choose(l.rule...) }})
		}
	}
	killed := func(feed int, lasts int64) func(at int64) {
		return func(at int64) {
			r := l.rigs[feed]
			l.acts = append(l.acts, act{at, r.feed + " ends", func() { r.away = true; l.p.End(r.feed) }},
				act{at + lasts, fmt.Sprint(r.feed, " is back after ", arrivalTime(lasts)), func() {
					l.p.Restart(r.feed)
					r.start(l.now, l.rnd.Uint64N(mpegts.PTSModulus))
					l.out = l.p.Append(l.out, r.feed, r.tables(), l.time())
				}})
		}
	}
	kinds := []func(int64){
		away("sound muted", without("audio"), 8*mpegts.PTSHz), away("picture muted", without("video"), 8*mpegts.PTSHz),
		away("all muted", func() []string { return nil }, 6*mpegts.PTSHz), away("swap", spare, 5*mpegts.PTSHz),
		killed(0, 3*mpegts.PTSHz), killed(0, mpegts.PTSHz/20), killed(len(l.rigs)-2, 3*mpegts.PTSHz),
		away("sound muted for long", without("audio"), 37*minute), away("picture muted for long", without("video"), 37*minute),
	}
	for at, i := int64(minute), 0; at < length; i++ {
		kinds[i%len(kinds)](at + l.rnd.Int64N(minute))
		at += 10 * minute
		if i%len(kinds) >= len(kinds)-2 {
			at += 37 * minute
		}
	}
	slices.SortFunc(l.acts, func(a, b act) int { return cmp.Compare(a.at, b.at) })
}

// run lets so much time pass.
func (l *laboratory) run(length int64) {
	for _, r := range l.rigs {
		r.start(0, mpegts.PTSModulus-uint64(1800*mpegts.PTSHz)-l.rnd.Uint64N(mpegts.PTSHz))
		l.out = l.p.Append(l.out, r.feed, r.tables(), 0)
	}
	for l.now < length && !l.Failed() {
		at, from, sound := int64(1<<62), (*rig)(nil), false
		for _, r := range l.rigs {
			if due, s := r.due(); !r.away && due < at {
				at, from, sound = due, r, s
			}
		}
		if len(l.acts) > 0 && l.acts[0].at < at {
			a := l.acts[0]
			l.acts = l.acts[1:]
			l.now = max(l.now, a.at)
			l.out = fill(l.p, l.out, l.time())
			a.do()
			l.last, l.lastAt = a.name, l.now
			l.look()
			continue
		}
		data := from.next(sound)
		l.now = max(l.now, at+l.rnd.Int64N(15*mpegts.PTSHz/1000))
		l.out = fill(l.p, l.out, l.time())
		l.out = l.p.Append(l.out, from.feed, data, l.time())
		l.look()
	}
}

// look takes what came out.
func (l *laboratory) look() {
	l.check.Write(l.out)
	for q := range mpegts.Packets(l.out) {
		if !q.UnitStart() || string(q[176:180]) != mark {
			continue
		}
		s, _ := q.PES()
		pts, _ := s.PTS()
		kind := 0
		if s.StreamID() == 0xc0 {
			kind = 1
		}
		l.offsets[kind] = mpegts.PTSDelta(pts, ^binary.BigEndian.Uint64(q[180:]))
		l.seen[kind] = l.now
		l.marked++
		if other := l.seen[1-kind]; l.now-other < mpegts.PTSHz && l.now > 20*mpegts.PTSHz {
			l.compare(mpegts.PTSDelta(uint64(l.offsets[0]), uint64(l.offsets[1])))
		}
	}
	l.out = l.out[:0]
}

// compare takes by how much the picture is later than the sound. Where it comes back, 2 s
// after the act at most, it is late by what the filler has sent ahead, and makes that up by
// one part in twenty.
func (l *laboratory) compare(later int64) {
	const frame, ahead = mpegts.PTSHz / 25, mpegts.PTSHz / 4
	const back = 2*mpegts.PTSHz + 20*ahead
	off := max(later-l.base, l.base-later)
	since := l.now - l.lastAt
	if off > ahead || off > frame && since > back {
		l.Errorf("sound and picture are %.1f ms apart %v after %q, %v after the beginning", float64(off)/ms, arrivalTime(since), l.last, l.time())
	}
	if off > l.most {
		l.most, l.when = off, fmt.Sprintf("%v after %q", arrivalTime(since), l.last)
	}
	if since > back {
		l.rest = max(l.rest, off)
	}
}

// TestSoundKeepsToThePictureForDays mutes, swaps and ends sources about every ten
// minutes, of clocks that are off, across the wraps of all stamps.
func TestSoundKeepsToThePictureForDays(t *testing.T) {
	for _, c := range []struct {
		name string
		rule []string
		rigs []*rig
	}{
		{"one source at 25 fps and 48 kHz", []string{"av:video", "av:audio"}, []*rig{
			{feed: "av", camera: camera(), frame: 3600, mic: microphone(), coding: 0x0f, rate: 48000},
			{feed: "spare", camera: camera(), frame: 3003},
		}},
		{"one fast source at 29.97 fps and 44.1 kHz", []string{"av:video", "av:audio"}, []*rig{
			{feed: "av", camera: camera(), frame: 3003, mic: microphone(), coding: 0x03, rate: 44100, ppm: 50},
			{feed: "spare", camera: camera(), frame: 3600, ppm: -50},
		}},
		{"a fast camera at 25 fps, a microphone at 44.1 kHz", []string{"cam:video", "mic:audio"}, []*rig{
			{feed: "cam", camera: camera(), frame: 3600, ppm: 50},
			{feed: "mic", mic: microphone(), coding: 0x0f, rate: 44100},
			{feed: "spare", camera: camera(), frame: 3003},
		}},
		{"a camera at 29.97 fps, a slow microphone at 48 kHz", []string{"cam:video", "mic:audio"}, []*rig{
			{feed: "cam", camera: camera(), frame: 3003},
			{feed: "mic", mic: microphone(), coding: 0x03, rate: 48000, ppm: -50},
			{feed: "spare", camera: camera(), frame: 3600, ppm: 50},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wrap := time.Unix(0, 0).Add((1 << 33) * time.Second / mpegts.PTSHz)
			l := &laboratory{T: t, p: program.New(wrap.Add(-time.Hour)), rigs: c.rigs, rule: c.rule, rnd: rand.New(rand.NewPCG(30, 4)),
				check: tscheck.New(tscheck.Options{})}
			if r := c.rigs[1]; r.mic != nil { // feeds are in time by when they arrive, and it is late by a PES packet
				l.base = -r.samples() * mpegts.PTSHz / r.rate
			}
			l.p.Select(rule(c.rule...))
			length := int64(cmp.Or(*days*24, 3)) * 3600 * mpegts.PTSHz
			l.plan(length)
			l.run(length)
			t.Logf("%d PES packets; sound and picture are %.1f ms apart at most, %s; later than 7 s after any act %.1f ms",
				l.marked, float64(l.most)/ms, l.when, float64(l.rest)/ms)
			for _, fault := range l.check.Report().Faults() {
				t.Error(fault)
			}
			if l.marked < length/mpegts.PTSHz*20 {
				t.Errorf("%d PES packets", l.marked)
			}
		})
	}
}
