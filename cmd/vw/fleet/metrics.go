package fleet

import (
	"context"
	"net"
	"net/http"
	"time"

	"vw/agent/link"
	"vw/agent/local"
	"vw/agent/metrics"
)

// headerTimeout is how long a request's header may take.
const headerTimeout = 10 * time.Second

// Serve answers GET /metrics on loopback, until ctx ends.
func (f *Fleet) Serve(ctx context.Context, listeners []net.Listener) error {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /metrics", f.metrics)
	server := http.Server{ReadHeaderTimeout: headerTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !local.LocalHost(r.Host) { // a web page that has its name lead here
			http.Error(w, "this is for its own machine: use localhost, 127.0.0.1 or [::1]", http.StatusMisdirectedRequest)
			return
		}
		routes.ServeHTTP(w, r)
	})}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- server.Serve(l) }()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	_ = server.Close()
	return err
}

func (f *Fleet) metrics(w http.ResponseWriter, _ *http.Request) {
	to := metrics.Sink{}
	for _, a := range f.agents {
		a.measure(to)
	}
	w.Header().Set("Content-Type", metrics.ContentType)
	_, _ = to.WriteTo(w) // the client may have gone
}

// measure sends what is known of an agent. Of one that is not there nothing is told
// that it said before.
func (a *agent) measure(to metrics.Sink) {
	s := a.State()
	to.Gauge("vw_fleet_agent_up", "1 while the agent answers on its command channel", metrics.One(s.There), "agent", a.Name)
	to.Gauge("vw_fleet_link_up", "1 while the link to the relay of its command channel is up", metrics.One(s.Link.State == link.Up), "agent", a.Name)
	if !s.Seen.IsZero() {
		to.Gauge("vw_fleet_agent_seen_timestamp_seconds", "when the agent was heard last, in seconds since 1970", float64(s.Seen.UnixMilli())/1000, "agent", a.Name)
	}
	if s.Link.Expires != nil {
		to.Gauge("vw_fleet_link_token_expiry_timestamp_seconds", "when the token of this link ends, as it says itself, in seconds since 1970",
			float64(s.Link.Expires.Unix()), "agent", a.Name)
	}
	if !s.There {
		return
	}
	to.Gauge("vw_fleet_rules_info", "1, with the hash of the agent's rules in a label", 1, "agent", a.Name, "hash", s.Told.Rules)
	if a.wanted != "" {
		to.Gauge("vw_fleet_rules_wanted", "1 where the agent has the wanted rules", metrics.One(s.Told.Rules == a.wanted), "agent", a.Name)
	}
	to.Status(s.Told, "agent", a.Name)
}
