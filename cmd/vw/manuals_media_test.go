//go:build unix

package main_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"vw/media/tscheck"
)

var posted = regexp.MustCompile(`(http://localhost:8888)/ts/([\w.-]+)`)

// ffmpeg feeds the agent from now on. It returns when a second of what it
// sends has been seen, sound, at the relay.
func (r *reader) ffmpeg(b block, line string) {
	r.Helper()
	to := posted.FindStringSubmatch(line)
	if to == nil {
		r.Fatalf("%v: this ffmpeg posts to no feed", b)
	}
	feed := to[2]
	if before := r.feeds[feed]; before != nil {
		before.signal(syscall.SIGTERM)
		before.ended(r.T, patience)
	}
	topic := "seen-" + feed
	sub := r.relays["relay"].Subscribe(topic)
	defer sub.Close()
	p := r.bash("exec ffmpeg -nostdin -v warning " + strings.TrimPrefix(line, "ffmpeg "))
	r.feeds[feed] = p
	id := "seen-" + feed
	r.request(http.MethodPost, "/api/destinations", fmt.Sprintf(`{"id":%q,"stream":%q,"destination":%q}`, id, feed, r.relays["relay"].URL()+"/in/"+topic))
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	checker := tscheck.New(tscheck.Options{})
	for wants := wanted(line); !saw(checker.Report(), wants); {
		m, err := sub.Next(ctx)
		if err != nil {
			r.Fatalf("%v: of %q the relay saw %+v\n%s", b, wants, checker.Report(), &p.err)
		}
		checker.Write(m.Data)
	}
	if faults := checker.Report().Faults(); len(faults) > 0 {
		r.Errorf("%v: what arrived is not sound: %q", b, faults)
	}
	r.request(http.MethodDelete, "/api/destinations/"+id, "")
}

// wanted is the kinds of track that a command line of ffmpeg makes.
func wanted(line string) (kinds []string) {
	for option, kind := range map[string]string{"-c:v ": "video", "-c:a ": "audio"} {
		if strings.Contains(line, option) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// saw says whether there has been a second of each kind.
func saw(report tscheck.Report, kinds []string) bool {
	for _, kind := range kinds {
		if !slices.ContainsFunc(report.Programs, func(p tscheck.ProgramReport) bool {
			return slices.ContainsFunc(p.Tracks, func(k tscheck.TrackReport) bool {
				return k.Kind == kind && k.LastPTSSeconds-k.FirstPTSSeconds >= 1
			})
		}) {
			return false
		}
	}
	return len(kinds) > 0
}
