package tscheck

import "vw/media/mpegts"

// A program is one program of the stream, from the first PAT that names it.
type program struct {
	number  uint16
	pmtPID  uint16
	pcrPID  uint16
	inForce bool  // named by the PAT in force
	since   int64 // the checker's time at which it was first named

	pmt     spacing
	pmts    int64
	raw     []byte // the last PMT
	version byte
	changes int64
	history []PMTVersion
	moves   moves

	clock   clock
	tracks  map[uint16]*track // all that it ever had, by PID
	current []*track          // of the PMT in force
}

func newProgram(number uint16, now int64) *program {
	return &program{number: number, since: now, tracks: map[uint16]*track{}}
}

// adopt puts a PMT in force; total counts the tracks of all programs.
func (g *program) adopt(pmt mpegts.PMT, total *int, now int64) {
	g.version, g.pcrPID = pmt.Version, pmt.PCRPID
	before := g.current
	g.current = nil
	for _, k := range pmt.Tracks {
		t := g.tracks[k.PID]
		if t == nil {
			if *total == maxTracks {
				continue
			}
			*total++
			t = &track{since: now}
			g.tracks[k.PID] = t
		}
		t.Track = k
		_, t.kind = k.Codec()
		g.current = append(g.current, t)
	}
	g.moves.judge(before, g.current, seconds(g.clock.now))
	g.remember(pmt)
}

// remember notes a PMT that has come into force.
func (g *program) remember(pmt mpegts.PMT) {
	if len(g.history) == maxHistory {
		return
	}
	v := PMTVersion{Version: pmt.Version, AtSeconds: seconds(g.clock.now), PCRPID: pmt.PCRPID, TrackPIDs: []uint16{}}
	for _, k := range pmt.Tracks {
		v.TrackPIDs = append(v.TrackPIDs, k.PID)
	}
	g.history = append(g.history, v)
}

// pes takes a packet of a track.
func (g *program) pes(t *track, p mpegts.Packet, l limits) {
	t.packets++
	t.bytes += int64(len(p.Payload()))
	t.seenAt = g.clock.now
	s, ok := t.start(p)
	if !ok {
		return
	}
	if len(g.clock.window) < maxStamps {
		g.clock.window = append(g.clock.window, s)
	}
	g.clock.stamped(s.dts, l)
}

// pcr takes a PCR of the program's PCR PID.
func (g *program) pcr(pcr uint64, discontinuity bool, l limits) {
	k := &g.clock
	k.pcrs++
	w := span{before: k.anchor, after: pcr, from: k.now, activeFrom: k.active}
	p := k.step(pcr, discontinuity, l)
	w.to, w.activeTo = k.now, k.active
	switch p {
	case held:
		return
	case on:
		g.judge(w, l)
	case broken, rebased:
		for _, t := range g.tracks {
			t.placed = false
			if p == rebased {
				t.stamped, t.extent = false, extent{}
			}
		}
	}
	k.restart(pcr)
}

// judge holds all stamps since the last PCR against the clock.
func (g *program) judge(w span, l limits) {
	for _, s := range g.clock.window {
		if t := g.tracks[s.pid]; t != nil {
			t.judge(s, w, l)
		}
	}
}

// closed is the program as it would be judged if the stream ended now.
func (g *program) closed(l limits) *program {
	end := *g
	end.tracks = make(map[uint16]*track, len(g.tracks))
	for n, t := range g.tracks {
		last := *t
		end.tracks[n] = &last
	}
	k := &end.clock
	if !k.running {
		return &end
	}
	active := k.total
	if d := mpegts.PCRDelta(k.seen, k.anchor); d > l.jump { // held
		if d > l.silence || d-k.total > l.jump && !(k.fresh && k.borneOut(k.seen)) {
			k.jumps++ // no stamp bore it out
			return &end
		}
		k.silences++
		k.silence += d
		k.widest = max(k.widest, d)
		active -= k.hole
	}
	end.judge(span{
		before: k.anchor, after: k.anchor + uint64(k.total),
		from: k.now, to: k.now + k.total,
		activeFrom: k.active, activeTo: k.active + active,
	}, l)
	return &end
}
