package local

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"vw/agent/link"
	"vw/agent/status"
	"vw/command"
	"vw/media"
)

// metrics answers in the text format of Prometheus.
func (h *handlers) metrics(w http.ResponseWriter, _ *http.Request, _ string) {
	s := h.Reporter.Status()
	to := sink{}
	statusMetrics{s, h.Commands.Counts()}.collect(to)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	for _, name := range slices.Sorted(maps.Keys(to)) {
		f := to[name]
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, f.help, name, f.kind)
		_, _ = w.Write(f.series.Bytes()) // the client may have gone
	}
	if len(s.Mutes) == 0 { // else what the process reads and computes would tell the rate of what is muted
		metrics.ExposeMetadata(true)
		metrics.WriteProcessMetrics(w)
		metrics.WriteFDMetrics(w)
	}
}

// statusMetrics are of one status.
type statusMetrics struct {
	status status.Status
	counts map[command.Outcome]uint64
}

func (m statusMetrics) collect(to sink) {
	s := m.status
	to.gauge("vw_info", "1, with what the agent is called in the labels", 1, "name", s.Name, "version", s.Version, "instance", s.Instance)
	to.gauge("vw_uptime_seconds", "seconds since the start", s.Uptime)
	to.gauge("vw_locked", "1 while the owner has locked the rules", one(s.Locked))
	to.gauge("vw_state_saved", "0 where the newest rules could not be saved", one(s.StateError == ""))
	to.gauge("vw_journal_written", "0 where the newest lines of the journal could not be written", one(s.JournalError == ""))
	to.gauge("vw_problems", "things that are wrong, as vw status lists them, but for those that tell of a muted feed or the owner", float64(len(s.OutsideProblems())))
	channel := s.Channel
	if channel == nil {
		channel = &status.Channel{}
	}
	to.gauge("vw_control_up", "1 while the command channel is up", one(channel.State == link.Up))
	to.gauge("vw_control_on_trial", "1 while another command channel is on trial", one(channel.OnTrial != nil))
	to.expiry("vw_control_token_expiry_timestamp_seconds", channel.Expires)
	to.counter("vw_control_dials_total", "times that the present command channel was dialled", channel.Dials)
	for _, verb := range []string{"add", "delete", "healthcheck", "list", "other"} {
		const help = "commands, over the channel and by REST, by verb and outcome (done, refused)"
		to.counter("vw_commands_total", help, m.counts[command.Outcome{Verb: verb, Done: true}], "verb", verb, "outcome", "done")
		to.counter("vw_commands_total", help, m.counts[command.Outcome{Verb: verb}], "verb", verb, "outcome", "refused")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Feeds)) {
		to.feed(s.Feeds[name], "feed", name)
	}
	for _, id := range slices.Sorted(maps.Keys(s.Destinations)) {
		to.destination(s.Destinations[id], "id", id)
	}
}

// A sink takes metrics by name. Labels are names and values in turn.
type sink map[string]*family

// A family is all that is told under one name.
type family struct {
	kind, help string
	series     bytes.Buffer
}

// escape is what a label's value needs; %q would write a tab in a way that no parser takes.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (to sink) send(kind, name, help string, value float64, labels []string) {
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

func (to sink) gauge(name, help string, value float64, labels ...string) {
	to.send("gauge", name, help, value, labels)
}

func (to sink) counter(name, help string, value uint64, labels ...string) {
	to.send("counter", name, help, float64(value), labels)
}

// feed sends what is told of a feed: of one of which something is muted, only that.
func (to sink) feed(f status.Feed, label ...string) {
	to.gauge("vw_feed_up", "1 while a post feeds it", one(f.Source), label...)
	to.gauge("vw_feed_muted", "1 while the owner has muted it, or a part of it", one(len(f.Muted) > 0), label...)
	if len(f.Muted) > 0 {
		return
	}
	age := math.NaN()
	if f.AgeMs != nil {
		age = float64(*f.AgeMs) / 1000
	}
	to.gauge("vw_feed_age_seconds", "seconds since something came in, NaN for never", age, label...)
	to.counter("vw_feed_bytes_total", "bytes taken in", f.Bytes, label...)
	to.counter("vw_feed_packets_total", "transport packets or messages taken in", f.Packets, label...)
	to.counter("vw_feed_continuity_errors_total", "continuity errors in what came in", f.ContinuityErrors, label...)
	to.counter("vw_feed_transport_errors_total", "packets that came in marked as damaged", f.TransportErrors, label...)
	to.counter("vw_feed_skipped_bytes_total", "bytes thrown away to find packets", f.SkippedBytes, label...)
	to.counter("vw_feed_takeovers_total", "times that one post ended another", f.TakenOver, label...)
	to.condition("vw_feed_condition", f.Condition, status.OfFeeds, label)
}

func (to sink) destination(d status.Destination, label ...string) {
	recording := d.Recording
	if recording == nil {
		recording = &media.RecordingInfo{}
	}
	to.gauge("vw_destination_on_air", "1 while what the rule wants, or some of it, leaves by the link", one(d.Condition.Sends()), label...)
	to.gauge("vw_destination_up", "1 while the link is up", one(d.State == link.Up), label...)
	to.expiry("vw_destination_token_expiry_timestamp_seconds", d.Expires, label...)
	to.counter("vw_destination_dials_total", "times that the present link was dialled", d.Dials, label...)
	to.counter("vw_destination_sent_bytes_total", "bytes written to links", d.Queue.SentBytes, label...)
	to.counter("vw_destination_sent_packets_total", "packets or messages written to links", d.Queue.Sent, label...)
	to.counter("vw_destination_dropped_packets_total", "packets or messages dropped since the queue was full", d.Queue.Dropped, label...)
	to.gauge("vw_destination_queue_bytes", "bytes that wait to be written", float64(d.Queue.Bytes), label...)
	to.gauge("vw_destination_recorded_bytes", "bytes in the recording, 0 for none", float64(recording.Bytes), label...)
	to.counter("vw_destination_recording_dropped_packets_total", "packets or messages missing in the recording: the disk was too slow", recording.Dropped, label...)
	to.condition("vw_destination_condition", d.Condition, status.OfDestinations, label)
}

// expiry sends when a token ends, where it tells.
func (to sink) expiry(name string, at *time.Time, label ...string) {
	if at != nil {
		to.gauge(name, "when the link's token ends, as it says itself, in seconds since 1970", float64(at.Unix()), label...)
	}
}

// condition sends a series for each condition that a thing can have: 1 for the one
// that it has, 0 for the others.
func (to sink) condition(name string, has status.Condition, all []status.Condition, label []string) {
	for _, c := range all {
		to.gauge(name, "1 for the condition that it has", one(has == c), append([]string{"condition", string(c)}, label...)...)
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
