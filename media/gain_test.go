package media_test

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
	"vw/media/mpegts"
)

// A shape is what a source's PMT says, and what it sends, of a kind of track.
type shape struct {
	named, sent bool
	pids        map[uint16]uint16 // other PIDs than ffmpeg's
	coding      byte              // stream_type, where it is another
}

// reshaped is a clip of ffmpeg's with picture and sound, one of which changes its shape.
func reshaped(ts []byte, kind uint16, at func(time.Duration) shape) []byte {
	var out []byte
	var first, newest uint64
	var version byte
	var last []mpegts.Track
	var s shape // since the newest PMT
	for p := range mpegts.Packets(bytes.Clone(ts)) {
		if pes, ok := p.PES(); ok {
			dts, _ := pes.DTS()
			if first == 0 {
				first, newest = dts, dts
			}
			newest = max(newest, dts)
		}
		if p.PID() == pmtPID {
			s = at(time.Duration(newest-first) * time.Second / mpegts.PTSHz)
		}
		pid := func(n uint16) uint16 {
			if to, ok := s.pids[n]; ok {
				return to
			}
			return n
		}
		switch p.PID() {
		case pmtPID:
			var tracks []mpegts.Track
			for _, track := range []mpegts.Track{{PID: videoPID, Type: 0x02}, {PID: audioPID, Type: 0x03}} {
				if track.PID == kind && s.coding != 0 {
					track.Type = s.coding
				}
				if track.PID != kind || s.named {
					track.PID = pid(track.PID)
					tracks = append(tracks, track)
				}
			}
			if !slices.EqualFunc(tracks, last, func(a, b mpegts.Track) bool { return a.PID == b.PID && a.Type == b.Type }) {
				version, last = (version+1)&0x1f, tracks
			}
			pmt := mpegts.PMT{Program: 1, Version: version, PCRPID: tracks[0].PID, Tracks: tracks}
			out, _ = mpegts.AppendSection(out, pmtPID, p.Continuity(), pmt.Section())
			continue
		case kind:
			if !s.sent {
				continue
			}
		}
		p.SetPID(pid(p.PID()))
		out = append(out, p...)
	}
	return out
}

// When the owner mutes, the feed changes and the owner unmutes.
const (
	gainMuted   = 2007 * time.Millisecond
	gainUnmuted = 7003 * time.Millisecond
)

var gainChanges = [3]time.Duration{3 * time.Second, 5 * time.Second, 6500 * time.Millisecond}

// TestFeedMutedInPartMayGainAndLoseWhatIsMuted has a feed's PMT change while the owner has
// muted its picture or its sound.
func TestFeedMutedInPartMayGainAndLoseWhatIsMuted(t *testing.T) {
	clip := liveClip(t, "testsrc=s=160x112:r=25:d=10,noise=alls=30:allf=t", "-f", "lavfi", "-i", "anoisesrc=d=10", "-c:v", "mpeg1video", "-c:a", "mp2")
	there, gone, named, unnamed := shape{named: true, sent: true}, shape{}, shape{named: true}, shape{sent: true}
	moved, swapped, other := there, there, there
	moved.pids = map[uint16]uint16{videoPID: 0x200, audioPID: 0x201}
	swapped.pids = map[uint16]uint16{videoPID: audioPID, audioPID: videoPID}
	for name, kind := range map[string]uint16{"video": videoPID, "audio": audioPID} {
		other.coding = map[string]byte{"video": 0x1b, "audio": 0x0f}[name]
		filled := map[string][]byte{} // with what
		for scenario, shapes := range map[string][len(gainChanges) + 1]shape{
			"is there all along":                      {there, there, there, there},
			"leaves":                                  {there, gone, gone, gone},
			"leaves and is back":                      {there, gone, there, there},
			"leaves and is back on another PID":       {there, gone, moved, moved},
			"leaves and is back in another coding":    {there, gone, other, there},
			"goes on without its name":                {there, unnamed, there, there},
			"has its name and sends nothing":          {there, named, there, there},
			"changes its PID with the other's":        {there, swapped, there, there},
			"is there for the first time":             {gone, gone, there, there},
			"is there for the first time, named late": {gone, unnamed, there, there},
		} {
			t.Run(name+" "+scenario, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ts := reshaped(clip, kind, func(at time.Duration) shape {
						n := 0
						for n < len(gainChanges) && at >= gainChanges[n] {
							n++
						}
						return shapes[n]
					})
					out := mutedInPart(t, ts, name, only(clip, kind), shapes[3].sent)
					g := report(out).Programs[0]
					if shapes[0].named {
						filled[scenario] = payloads(out, kind)
					} else if len(g.Tracks) != 1 {
						t.Errorf("what has never been there is named: %+v", g.Tracks)
					}
					if g.PMTChanges > 0 {
						t.Errorf("%d changes of the PMT", g.PMTChanges)
					}
				})
			})
		}
		want := filled["is there all along"]
		for scenario, got := range filled {
			if len(got) < 3000 || !bytes.Equal(got, want) {
				t.Errorf("%s %s: is filled with %d bytes that are not the %d that it would be else", name, scenario, len(got), len(want))
			}
		}
	}
}

// mutedInPart posts ts and mutes a part of it for a while, of which nothing may leave
// meanwhile. It returns what a reader of a stream was given then.
func mutedInPart(t *testing.T, ts []byte, part string, of []byte, comesBack bool) []byte {
	r := media.NewRouter()
	r.SetStreams(map[string][]string{"s": {"av"}, "parts": {"av:audio", "av:video"}})
	readers, before, muted := map[string]*tail{}, map[string]int{}, map[string][]byte{}
	join := func(when string) {
		for _, source := range []string{"av", "s", "parts"} {
			readers[source+when] = follow(t, r, media.Subscription{Name: source})
		}
	}
	join("")
	playLive(t, r, "av", ts)
	begun := time.Now()
	until := func(at time.Duration) { time.Sleep(time.Until(begun.Add(at))); synctest.Wait() }
	until(gainMuted)
	for name, x := range readers {
		before[name] = len(x.got())
	}
	r.SetMutes([]string{"av:" + part}).Wait(t.Context())
	for _, at := range gainChanges {
		until(at + 300*time.Millisecond)
		join(" since " + at.String())
	}
	until(gainUnmuted)
	for name, x := range readers {
		muted[name] = x.got()[before[name]:]
		if n := leaked(muted[name], of); n > 0 || len(muted[name]) == 0 {
			t.Errorf("%s: %d packets of what is muted among %d bytes", name, n, len(muted[name]))
		}
	}
	r.SetMutes(nil).Wait(t.Context())
	until(gainUnmuted + 2*time.Second)
	for name, x := range readers {
		if n := leaked(x.got()[before[name]+len(muted[name]):], of); (n > 0) != comesBack {
			t.Errorf("%s: %d packets after the mute", name, n)
		}
	}
	sound(t, readers["s"].got())
	sound(t, readers["parts"].got())
	return muted["s"]
}

// payloads is what packets of a PID carry.
func payloads(ts []byte, pid uint16) (b []byte) {
	for p := range mpegts.Packets(only(ts, pid)) {
		b = append(b, p.Payload()...)
	}
	return b
}
