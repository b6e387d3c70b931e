package local

import (
	"net/http"

	victoria "github.com/VictoriaMetrics/metrics"

	"vw/agent/metrics"
	"vw/command"
)

// metrics answers in the text format of Prometheus.
func (h *handlers) metrics(w http.ResponseWriter, _ *http.Request, _ string) {
	s := h.Reporter.Status()
	to := metrics.Sink{}
	to.Status(s)
	counts := h.Commands.Counts()
	for _, verb := range []string{"add", "delete", "healthcheck", "list", "other"} {
		const help = "commands, over the channel and by REST, by verb and outcome (done, refused)"
		to.Counter("vw_commands_total", help, counts[command.Outcome{Verb: verb, Done: true}], "verb", verb, "outcome", "done")
		to.Counter("vw_commands_total", help, counts[command.Outcome{Verb: verb}], "verb", verb, "outcome", "refused")
	}
	w.Header().Set("Content-Type", metrics.ContentType)
	_, _ = to.WriteTo(w)   // the client may have gone
	if len(s.Mutes) == 0 { // else what the process reads and computes would tell the rate of what is muted
		victoria.ExposeMetadata(true)
		victoria.WriteProcessMetrics(w)
		victoria.WriteFDMetrics(w)
	}
}
