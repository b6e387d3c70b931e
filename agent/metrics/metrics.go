// Package metrics writes what an agent reports of itself in the text format of
// Prometheus. It must not know who asks for it, nor how the status came.
package metrics

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"vw/agent/link"
	"vw/agent/status"
	"vw/media"
)

// ContentType is that of what a Sink writes.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// A Sink takes metrics by name. Labels are names and values in turn.
type Sink map[string]*family

// A family is all that is told under one name.
type family struct {
	kind, help string
	series     bytes.Buffer
}

// escape is what a label's value needs; %q would write a tab in a way that no parser takes.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (to Sink) send(kind, name, help string, value float64, labels []string) {
	f := to[name]
	if f == nil {
		f = &family{kind: kind, help: help}
		to[name] = f
	}
	var list []string
	for i := 0; i+1 < len(labels); i += 2 {
		list = append(list, labels[i]+`="`+escape.Replace(labels[i+1])+`"`)
	}
	if len(list) > 0 {
		slices.Sort(list)
		name += "{" + strings.Join(list, ",") + "}"
	}
	fmt.Fprintf(&f.series, "%s %v\n", name, value)
}

// Gauge takes the present value of something.
func (to Sink) Gauge(name, help string, value float64, labels ...string) {
	to.send("gauge", name, help, value, labels)
}

// Counter takes how often something has come.
func (to Sink) Counter(name, help string, value uint64, labels ...string) {
	to.send("counter", name, help, float64(value), labels)
}

// WriteTo writes all that was taken.
func (to Sink) WriteTo(w io.Writer) (n int64, err error) {
	for _, name := range slices.Sorted(maps.Keys(to)) {
		f := to[name]
		some, err := fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s", name, f.help, name, f.kind, f.series.Bytes())
		if n += int64(some); err != nil {
			return n, err
		}
	}
	return n, nil
}

// Status takes what is told of an agent. Labels are added to all of it.
func (to Sink) Status(s status.Status, labels ...string) {
	with := func(more ...string) []string { return append(more, labels...) }
	to.Gauge("vw_info", "1, with what the agent is called in the labels", 1, with("name", s.Name, "version", s.Version, "instance", s.Instance)...)
	to.Gauge("vw_uptime_seconds", "seconds since the start", s.Uptime, labels...)
	to.Gauge("vw_locked", "1 while the owner has locked the rules", One(s.Locked), labels...)
	to.Gauge("vw_state_saved", "0 where the newest rules could not be saved", One(s.StateError == ""), labels...)
	to.Gauge("vw_journal_written", "0 where the newest lines of the journal could not be written", One(s.JournalError == ""), labels...)
	to.Gauge("vw_problems", "things that are wrong, as vw status lists them, but for those that tell of a muted feed or the owner", float64(len(s.OutsideProblems())), labels...)
	channel := s.Channel
	if channel == nil {
		channel = &status.Channel{}
	}
	to.Gauge("vw_control_up", "1 while the command channel is up", One(channel.State == link.Up), labels...)
	to.Gauge("vw_control_on_trial", "1 while another command channel is on trial", One(channel.OnTrial != nil), labels...)
	to.expiry("vw_control_token_expiry_timestamp_seconds", channel.Expires, labels...)
	to.Counter("vw_control_dials_total", "times that the present command channel was dialled", channel.Dials, labels...)
	for _, name := range slices.Sorted(maps.Keys(s.Feeds)) {
		to.feed(s.Feeds[name], with("feed", name)...)
	}
	for _, id := range slices.Sorted(maps.Keys(s.Destinations)) {
		to.destination(s.Destinations[id], with("id", id)...)
	}
}

// feed sends what is told of a feed: of one of which something is muted, only that.
func (to Sink) feed(f status.Feed, label ...string) {
	to.Gauge("vw_feed_up", "1 while a post feeds it", One(f.Source), label...)
	to.Gauge("vw_feed_muted", "1 while the owner has muted it, or a part of it", One(len(f.Muted) > 0), label...)
	if len(f.Muted) > 0 {
		return
	}
	age := math.NaN()
	if f.AgeMs != nil {
		age = float64(*f.AgeMs) / 1000
	}
	to.Gauge("vw_feed_age_seconds", "seconds since something came in, NaN for never", age, label...)
	to.Counter("vw_feed_bytes_total", "bytes taken in", f.Bytes, label...)
	to.Counter("vw_feed_packets_total", "transport packets or messages taken in", f.Packets, label...)
	to.Counter("vw_feed_continuity_errors_total", "continuity errors in what came in", f.ContinuityErrors, label...)
	to.Counter("vw_feed_transport_errors_total", "packets that came in marked as damaged", f.TransportErrors, label...)
	to.Counter("vw_feed_skipped_bytes_total", "bytes thrown away to find packets", f.SkippedBytes, label...)
	to.Counter("vw_feed_takeovers_total", "times that one post ended another", f.TakenOver, label...)
	to.condition("vw_feed_condition", f.Condition, status.OfFeeds, label)
}

func (to Sink) destination(d status.Destination, label ...string) {
	recording := d.Recording
	if recording == nil {
		recording = &media.RecordingInfo{}
	}
	to.Gauge("vw_destination_on_air", "1 while what the rule wants, or some of it, leaves by the link", One(d.Condition.Sends()), label...)
	to.Gauge("vw_destination_up", "1 while the link is up", One(d.State == link.Up), label...)
	to.expiry("vw_destination_token_expiry_timestamp_seconds", d.Expires, label...)
	to.Counter("vw_destination_dials_total", "times that the present link was dialled", d.Dials, label...)
	to.Counter("vw_destination_sent_bytes_total", "bytes written to links", d.Queue.SentBytes, label...)
	to.Counter("vw_destination_sent_packets_total", "packets or messages written to links", d.Queue.Sent, label...)
	to.Counter("vw_destination_dropped_packets_total", "packets or messages dropped since the queue was full", d.Queue.Dropped, label...)
	to.Gauge("vw_destination_queue_bytes", "bytes that wait to be written", float64(d.Queue.Bytes), label...)
	to.Gauge("vw_destination_recorded_bytes", "bytes in the recording, 0 for none", float64(recording.Bytes), label...)
	to.Counter("vw_destination_recording_dropped_packets_total", "packets or messages missing in the recording: the disk was too slow", recording.Dropped, label...)
	to.condition("vw_destination_condition", d.Condition, status.OfDestinations, label)
}

// expiry sends when a token ends, where it tells.
func (to Sink) expiry(name string, at *time.Time, label ...string) {
	if at != nil {
		to.Gauge(name, "when the link's token ends, as it says itself, in seconds since 1970", float64(at.Unix()), label...)
	}
}

// condition sends a series for each condition that a thing can have: 1 for the one
// that it has, 0 for the others.
func (to Sink) condition(name string, has status.Condition, all []status.Condition, label []string) {
	for _, c := range all {
		to.Gauge(name, "1 for the condition that it has", One(has == c), append([]string{"condition", string(c)}, label...)...)
	}
}

// One is 1 for yes, and 0 for no.
func One(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
