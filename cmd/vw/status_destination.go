package main

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"vw/agent/link"
	"vw/agent/status"
	"vw/media"
)

// expirySoon is how long before its end a token's expiry is told.
const expirySoon = 24 * time.Hour

// entries are what a destination of that name is made of: those of its stream
// rule, none where that has gone, else the feed itself.
func (v view) entries(name string) []string {
	if s, ok := v.Streams[name]; ok {
		return s.Feeds
	}
	return []string{name}
}

// packets says that some of the entries are of a transport stream.
func (v view) packets(entries []string) bool {
	return slices.ContainsFunc(entries, func(entry string) bool {
		feed, _, _ := strings.Cut(entry, ":")
		return !messages(v.Feeds[feed])
	})
}

// destination tells what a rule sends, and of its recording.
func (v view) destination(id string) []line {
	d := v.Destinations[id]
	lines := []line{v.sending(id, d)}
	if r := d.Recording; r != nil && r.Error != "" {
		lines = append(lines, line{wrong, fmt.Sprintf("%s recording to %s STOPPED after %s (rule %s): %s",
			d.Stream, r.File, byteSize(r.Bytes), id, r.Error)})
	} else if r != nil {
		lines = append(lines, line{plain, fmt.Sprintf("%s recording to %s, %s so far (rule %s)",
			d.Stream, r.File, byteSize(r.Bytes), id)})
	}
	return lines
}

// sending tells whether a destination is on air, and if not why.
func (v view) sending(id string, d status.Destination) line {
	link, former := d.Info, ""
	if d.Former != nil && d.Former.State == "up" && link.State != "up" {
		former = fmt.Sprintf("; it moves to %s as soon as that is up", relayHost(d.Info, d.Destination))
		link = *d.Former
	}
	host := relayHost(link, d.Destination)
	var by [3][]string // entries, by flow
	for _, entry := range v.entries(d.Stream) {
		by[v.flow(entry)] = append(by[v.flow(entry)], entry)
	}
	say := func(m mood, state, format string, args ...any) line {
		return line{m, fmt.Sprintf("%s %s (rule %s)", d.Stream, state, id) + fmt.Sprintf(format, args...)}
	}
	s, ofStream := v.Streams[d.Stream]
	switch {
	case link.State == "idle":
		return say(wrong, "NOT ALLOWED", ": %s", link.LastError)
	case link.State != "up":
		return say(wrong, "NOT ON AIR", ": %s", v.unreachable(link, d.Destination))
	case d.Queue.Hangs:
		return say(wrong, "NOT ON AIR", ": %s takes nothing, and is given up if that lasts", host)
	case ofStream && s.Feeds == nil:
		return say(silent, "SILENT", ": its stream was deleted; %s gets nothing until that is added again", host)
	case ofStream && len(s.Feeds) == 0:
		return say(silent, "SILENT", ": its stream is one of no feeds; %s gets nothing", host)
	case len(by[muted]) > 0 && len(by[flowing])+len(by[missing]) == 0:
		return say(silent, "MUTED by you", ": %s gets nothing", host)
	case len(by[flowing]) == 0:
		return say(wrong, "NOT ON AIR", ": %s is there, but nothing comes in on %s", host, strings.Join(by[missing], ", "))
	case len(s.Tracks) == 0 && len(s.Missing) > 0:
		return say(wrong, "NOT ON AIR", "%s", lacking(s))
	case ofStream && s.Bitrate == 0 && len(s.Tracks) == 0 && v.packets(by[flowing]):
		return say(wrong, "NOT ON AIR", ": no track can be made of what comes in on %s: is it a transport stream?", strings.Join(by[flowing], ", "))
	}
	l := line{onAir, fmt.Sprintf("%s ON AIR to %s (rule %s)", d.Stream, host, id)}
	v.detail(&l, d, by[muted], by[missing])
	l.text += former
	if e := link.Expires; e != nil && e.Before(v.now) {
		l.text += "; its token has expired: the relay may hang up, and let nobody in again"
	} else if e != nil && e.Sub(v.now) < expirySoon {
		l.text += "; its token expires in " + span(e.Sub(v.now))
	}
	if link.ReadOnly {
		l.mood = wrong
		l.text += "; its token may not write: the relay may throw away what is sent"
	}
	return l
}

// detail adds the rate to a line of what is on air, and what is amiss.
func (v view) detail(l *line, d status.Destination, muted, missing []string) {
	s, ofStream := v.Streams[d.Stream]
	rate := v.Feeds[d.Stream].Bitrate
	if ofStream {
		rate = s.Bitrate
	}
	if parts := v.Feeds[d.Stream].Muted; len(parts) > 0 && !ofStream {
		l.text += "; its " + strings.Join(parts, " and ") + " MUTED by you"
	} else if v.packets(v.entries(d.Stream)) {
		l.text += ", " + bitRate(float64(rate))
	}
	for _, entry := range muted {
		l.text += "; " + entry + " MUTED by you"
	}
	for _, entry := range v.entries(d.Stream) {
		if feed, part, _ := strings.Cut(entry, ":"); part == "" && feed != d.Stream && len(v.Feeds[feed].Muted) == 1 && v.flow(entry) == flowing {
			l.text += "; " + feed + ":" + v.Feeds[feed].Muted[0] + " MUTED by you"
		}
	}
	if len(missing) > 0 {
		l.mood = wrong
		l.text += "; without " + strings.Join(missing, ", ") + ", which does not come in"
	}
	if len(s.Missing) > 0 {
		l.mood = wrong
		l.text += lacking(s)
	}
	if waiting := uint64(d.Queue.Bytes) * 8; rate > 0 && waiting > rate {
		l.mood = wrong
		l.text += fmt.Sprintf("; BEHIND by %.1f s: the uplink or the relay takes less than comes in, lower the bitrate or see vw doctor",
			float64(waiting)/float64(rate))
	}
	if d.Queue.Dropped > 0 {
		l.text += fmt.Sprintf("; %d packets dropped so far, when more came in than the link took", d.Queue.Dropped)
	}
}

// lacking says which entries of a stream's rule their feeds have nothing for.
func lacking(s media.StreamInfo) (text string) {
	for _, entry := range slices.Sorted(maps.Keys(s.Missing)) {
		text += "; without " + entry + ": " + s.Missing[entry]
	}
	return text
}

// unreachable says why a link is not up.
func (v view) unreachable(l link.Info, destination string) string {
	host := relayHost(l, destination)
	if l.LastError == "" {
		return host + " is being dialled"
	}
	text := host + " unreachable"
	if l.DownSince != nil {
		text += " for " + span(v.now.Sub(*l.DownSince))
	}
	if strings.HasPrefix(l.LastError, "the relay ") {
		text = host // it has answered
	}
	text += ": " + l.LastError
	if do := status.Advice(l.ErrorCode); do != "" {
		text += " (" + do + ")"
	}
	text += fmt.Sprintf("; %d dials so far", l.Dials)
	if l.RetryAt != nil && l.RetryAt.After(v.now) {
		text += ", the next in " + span(l.RetryAt.Sub(v.now))
	}
	return text
}

// relayHost is what may be shown of where a link leads.
func relayHost(l link.Info, destination string) string {
	if l.Relay != "" {
		return l.Relay
	}
	u, err := url.Parse(destination)
	if err != nil {
		return "?"
	}
	return u.Host
}
