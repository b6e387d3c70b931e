package testrelay

import (
	"net/http"

	"github.com/VictoriaMetrics/metrics"
)

// counters are what /metrics tells.
type counters struct {
	set                         *metrics.Set
	messagesIn, bytesIn         *metrics.Counter
	messagesOut, bytesOut       *metrics.Counter
	dropped                     *metrics.Counter
	unauthorised, full, tooLong *metrics.Counter
}

// newCounters asks clients and topics how many there are.
func newCounters(clients, topics func() int) *counters {
	set := metrics.NewSet()
	set.NewGauge("vw_relay_clients", func() float64 { return float64(clients()) })
	set.NewGauge("vw_relay_topics", func() float64 { return float64(topics()) })
	return &counters{
		set:          set,
		messagesIn:   set.NewCounter("vw_relay_received_messages_total"),
		bytesIn:      set.NewCounter("vw_relay_received_bytes_total"),
		messagesOut:  set.NewCounter("vw_relay_sent_messages_total"),
		bytesOut:     set.NewCounter("vw_relay_sent_bytes_total"),
		dropped:      set.NewCounter("vw_relay_dropped_messages_total"),
		unauthorised: set.NewCounter(`vw_relay_refused_total{reason="token"}`),
		full:         set.NewCounter(`vw_relay_refused_total{reason="full"}`),
		tooLong:      set.NewCounter(`vw_relay_refused_total{reason="message too long"}`),
	}
}

func (c *counters) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	c.set.WritePrometheus(w)
	metrics.WriteProcessMetrics(w)
	metrics.WriteFDMetrics(w)
}
