package agent

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/VictoriaMetrics/metrics"

	"vw/agent/link"
	"vw/agent/status"
	"vw/command"
)

// A family is one metric: its values are those of the status, by label.
type family[T any] struct {
	name, kind, help string
	value            func(T) float64
}

// feedStates are told of every feed, feedMetrics of those of which nothing is muted.
var feedStates = []family[status.Feed]{
	{"vw_feed_up", "gauge", "1 while a post feeds it", func(f status.Feed) float64 { return one(f.Source) }},
	{"vw_feed_muted", "gauge", "1 while the owner has muted it, or a part of it", func(f status.Feed) float64 { return one(len(f.Muted) > 0) }},
}

var feedMetrics = []family[status.Feed]{
	{"vw_feed_age_seconds", "gauge", "seconds since something came in, NaN for never", feedAge},
	{"vw_feed_bytes_total", "counter", "bytes taken in", func(f status.Feed) float64 { return float64(f.Bytes) }},
	{"vw_feed_packets_total", "counter", "transport packets or messages taken in", func(f status.Feed) float64 { return float64(f.Packets) }},
	{"vw_feed_continuity_errors_total", "counter", "continuity errors in what came in", func(f status.Feed) float64 { return float64(f.ContinuityErrors) }},
	{"vw_feed_transport_errors_total", "counter", "packets that came in marked as damaged", func(f status.Feed) float64 { return float64(f.TransportErrors) }},
	{"vw_feed_skipped_bytes_total", "counter", "bytes thrown away to find packets", func(f status.Feed) float64 { return float64(f.SkippedBytes) }},
	{"vw_feed_takeovers_total", "counter", "times that one post ended another", func(f status.Feed) float64 { return float64(f.TakenOver) }},
}

var destinationMetrics = []family[status.Destination]{
	{"vw_destination_on_air", "gauge", "1 while what the rule wants, or some of it, leaves by the link", func(d status.Destination) float64 { return one(d.Condition.Sends()) }},
	{"vw_destination_up", "gauge", "1 while the link is up", func(d status.Destination) float64 { return one(d.State == link.Up) }},
	{"vw_destination_dials_total", "counter", "times that the present link was dialled", func(d status.Destination) float64 { return float64(d.Dials) }},
	{"vw_destination_sent_bytes_total", "counter", "bytes written to links", func(d status.Destination) float64 { return float64(d.Queue.SentBytes) }},
	{"vw_destination_sent_packets_total", "counter", "packets or messages written to links", func(d status.Destination) float64 { return float64(d.Queue.Sent) }},
	{"vw_destination_dropped_packets_total", "counter", "packets or messages dropped since the queue was full", func(d status.Destination) float64 { return float64(d.Queue.Dropped) }},
	{"vw_destination_queue_bytes", "gauge", "bytes that wait to be written", func(d status.Destination) float64 { return float64(d.Queue.Bytes) }},
	{"vw_destination_recorded_bytes", "gauge", "bytes in the recording, 0 for none", recordedBytes},
	{"vw_destination_recording_dropped_packets_total", "counter", "packets or messages missing in the recording: the disk was too slow", recordingDropped},
}

var agentMetrics = []family[status.Status]{
	{"vw_uptime_seconds", "gauge", "seconds since the start", func(s status.Status) float64 { return s.Uptime }},
	{"vw_locked", "gauge", "1 while the owner has locked the rules", func(s status.Status) float64 { return one(s.Locked) }},
	{"vw_state_saved", "gauge", "0 where the newest rules could not be saved", func(s status.Status) float64 { return one(s.StateError == "") }},
	{"vw_problems", "gauge", "things that are wrong, as vw status lists them, but for those that tell of a muted feed or the owner", func(s status.Status) float64 { return float64(len(s.OutsideProblems())) }},
	{"vw_control_up", "gauge", "1 while the command channel is up", func(s status.Status) float64 { return one(s.Channel != nil && s.Channel.State == link.Up) }},
	{"vw_control_on_trial", "gauge", "1 while another command channel is on trial", func(s status.Status) float64 { return one(s.Channel != nil && s.Channel.OnTrial != nil) }},
	{"vw_control_dials_total", "counter", "times that the present command channel was dialled", controlDials},
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func feedAge(f status.Feed) float64 {
	if f.AgeMs == nil {
		return math.NaN()
	}
	return float64(*f.AgeMs) / 1000
}

func recordedBytes(d status.Destination) float64 {
	if d.Recording == nil {
		return 0
	}
	return float64(d.Recording.Bytes)
}

func recordingDropped(d status.Destination) float64 {
	if d.Recording == nil {
		return 0
	}
	return float64(d.Recording.Dropped)
}

func controlDials(s status.Status) float64 {
	if s.Channel == nil {
		return 0
	}
	return float64(s.Channel.Dials)
}

// writeFamilies writes metrics of things that have a name each, in its order.
func writeFamilies[T any](w io.Writer, families []family[T], label string, all map[string]T) {
	names := slices.Sorted(maps.Keys(all))
	for _, f := range families {
		writeHead(w, f.name, f.kind, f.help)
		for _, name := range names {
			labels := ""
			if label != "" {
				labels = fmt.Sprintf("{%s=%q}", label, name) // names need no escaping
			}
			fmt.Fprintf(w, "%s%s %s\n", f.name, labels, strconv.FormatFloat(f.value(all[name]), 'g', -1, 64))
		}
	}
}

// writeConditions writes a series for each condition that a thing can have: 1 for
// the one that it has, 0 for the others.
func writeConditions[T any](w io.Writer, name, label string, conditions []status.Condition, all map[string]T, of func(T) status.Condition) {
	writeHead(w, name, "gauge", "1 for the condition that it has")
	for _, thing := range slices.Sorted(maps.Keys(all)) {
		for _, c := range conditions {
			fmt.Fprintf(w, "%s{%s=%q,condition=%q} %g\n", name, label, thing, c, one(of(all[thing]) == c))
		}
	}
}

func writeHead(w io.Writer, name, kind, help string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %[1]s %[3]s\n", name, help, kind)
}

func writeCommands(w io.Writer, counts map[command.Outcome]uint64) {
	writeHead(w, "vw_commands_total", "counter", "commands, over the channel and by REST, by verb and outcome (done, refused)")
	for _, verb := range []string{"add", "delete", "healthcheck", "list", "other"} {
		fmt.Fprintf(w, "vw_commands_total{verb=%q,outcome=\"done\"} %d\n", verb, counts[command.Outcome{Verb: verb, Done: true}])
		fmt.Fprintf(w, "vw_commands_total{verb=%q,outcome=\"refused\"} %d\n", verb, counts[command.Outcome{Verb: verb}])
	}
}

// metrics is GET /metrics, in the text format of Prometheus.
func (l *local) metrics(w http.ResponseWriter, r *http.Request) {
	if !only(w, r, http.MethodGet) {
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	s := l.agent.status()
	writeHead(w, "vw_info", "gauge", "1, with what the agent is called in the labels")
	fmt.Fprintf(w, "vw_info{name=%q,version=%q,instance=%q} 1\n", s.Name, s.Version, s.Instance)
	writeFamilies(w, agentMetrics, "", map[string]status.Status{"": s})
	writeFamilies(w, feedStates, "feed", s.Feeds)
	maps.DeleteFunc(s.Feeds, func(_ string, f status.Feed) bool { return len(f.Muted) > 0 })
	writeFamilies(w, feedMetrics, "feed", s.Feeds)
	writeFamilies(w, destinationMetrics, "id", s.Destinations)
	writeConditions(w, "vw_feed_condition", "feed", status.OfFeeds, s.Feeds, func(f status.Feed) status.Condition { return f.Condition })
	writeConditions(w, "vw_destination_condition", "id", status.OfDestinations, s.Destinations, func(d status.Destination) status.Condition { return d.Condition })
	writeCommands(w, l.agent.commands.Counts())
	if len(s.Mutes) == 0 { // else what the process reads and computes would tell the rate of what is muted
		metrics.WriteProcessMetrics(w)
		metrics.WriteFDMetrics(w)
	}
}
