package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vw/command/printable"
)

const (
	// headerWithin bounds how long a client may take to send its request's header.
	headerWithin = 10 * time.Second
	// writeWithin bounds each write of a reply.
	writeWithin = 10 * time.Second
	// maxHeader bounds that header, in bytes.
	maxHeader = 32 << 10
	// bodyWithin bounds how long a body may take to come in, but a post's: less than writeWithin, since net/http reads it before it answers.
	bodyWithin = 5 * time.Second
	// ipv6Every is how often it is looked whether the machine has ::1 by now.
	ipv6Every = time.Second
	// idleFor is how long a connection without request is kept.
	idleFor = time.Minute
)

// listen opens port on 127.0.0.1 and on ::1, on nothing else. Port 0 is a free
// one. A machine without IPv6 does without ::1; where somebody else has the
// port there, it could be taken for ours, and that is an error.
func listen(port int) ([]net.Listener, error) {
	const tries = 20 // of port 0, which may be free on one address only
	for try := 1; ; try++ {
		four, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return nil, fmt.Errorf("port %d cannot be had on 127.0.0.1, choose another with --port or VW_PORT: %w", port, err)
		}
		if !hasIPv6() {
			return []net.Listener{four}, nil
		}
		six, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(four.Addr().(*net.TCPAddr).Port)))
		if err == nil {
			return []net.Listener{four, six}, nil
		}
		_ = four.Close()
		if port != 0 || try == tries {
			return nil, fmt.Errorf("port %d cannot be had on ::1, choose another with --port or VW_PORT: %w", port, err)
		}
	}
}

// hasIPv6 says whether this machine has the address ::1.
func hasIPv6() bool {
	addrs, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(addrs, func(a net.Addr) bool {
		ip, ok := a.(*net.IPNet)
		return ok && ip.IP.Equal(net.IPv6loopback)
	})
}

// lateIPv6 waits until this machine has ::1, and then listens there: whoever had
// the port there would be taken for the agent. It tells once if it is another
// program. It returns nil when ctx ends.
func lateIPv6(ctx context.Context, port int, hasIPv6 func() bool, log *slog.Logger) net.Listener {
	tick := time.NewTicker(ipv6Every)
	defer tick.Stop()
	for told := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if !hasIPv6() {
			continue
		}
		six, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
		if err == nil {
			log.Info("listening on ::1 too, which has come")
			return six
		}
		if !told {
			log.Error("port cannot be had on ::1, which has come: use 127.0.0.1, not localhost", "port", port, "err", err)
			told = true
		}
	}
}

// A local is the HTTP side that this machine sees.
type local struct {
	agent     *Agent
	listeners []net.Listener
	previews  *previews
	token     string // of this run: the page has it, and nothing else of its origin
	server    http.Server
	ctx       context.Context // of everything that is served
	busy      sync.WaitGroup  // connections, and handlers of hijacked ones
}

func newLocal(a *Agent, listeners []net.Listener) *local {
	l := &local{agent: a, listeners: listeners, previews: newPreviews(), token: rand.Text()}
	l.server = http.Server{
		Handler:           guard(http.HandlerFunc(l.serve), l.token),
		ReadHeaderTimeout: headerWithin,
		MaxHeaderBytes:    maxHeader,
		IdleTimeout:       idleFor,
		ConnState:         l.count,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	return l
}

// count keeps account of connections from the moment that they are accepted,
// so that none is missed at the end. Those that are hijacked are left to their
// handlers.
func (l *local) count(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		l.busy.Add(1)
	case http.StateClosed, http.StateHijacked:
		l.busy.Done()
	}
}

// run serves until ctx ends: then posts and live replies are ended too, and
// waited for.
func (l *local) run(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	l.ctx = ctx
	l.server.BaseContext = func(net.Listener) context.Context { return ctx }
	failed := make(chan error, 2) // 127.0.0.1 and ::1
	for _, ln := range l.listeners {
		l.busy.Go(func() { failed <- l.server.Serve(ln) })
	}
	if len(l.listeners) == 1 {
		port := l.listeners[0].Addr().(*net.TCPAddr).Port
		l.busy.Go(func() {
			if six := lateIPv6(ctx, port, hasIPv6, l.agent.log); six != nil {
				failed <- l.server.Serve(six)
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serve HTTP: %w", err)
	}
	end()
	err = errors.Join(err, l.server.Close())
	l.busy.Wait()
	return err
}

// serve finds who answers a path.
func (l *local) serve(w http.ResponseWriter, r *http.Request) {
	l.busy.Add(1)
	defer l.busy.Done()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if !l.allowed(w, r) {
		return
	}
	path := r.URL.Path
	writeSoon(w)
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWithin))
	}
	name := func(prefix string) (string, bool) { return strings.CutPrefix(path, prefix) }
	if feed, ok := name("/ts/"); ok {
		l.ts(w, r, feed)
	} else if feed, ok := name("/ws/"); ok {
		l.websocket(w, r, feed)
	} else if which, ok := name("/api/streams/"); ok {
		l.streams(w, r, which)
	} else if which, ok := name("/api/destinations/"); ok {
		l.destinations(w, r, which)
	} else if which, ok := name("/api/endpoints/"); ok {
		l.endpoints(w, r, which)
	} else if picture, ok := name("/preview/"); ok {
		l.preview(w, r, picture)
	} else if _, ok := name("/page/"); ok {
		l.page(w, r)
	} else if entry, ok := name("/api/mutes/"); ok {
		l.mutes(w, r, entry)
	} else {
		l.fixed(w, r, path)
	}
}

func (l *local) fixed(w http.ResponseWriter, r *http.Request, path string) {
	switch path {
	case "/api/streams":
		l.addStream(w, r)
	case "/api/destinations":
		l.addDestination(w, r)
	case "/api/feeds/all":
		if only(w, r, http.MethodGet) {
			answerJSON(w, l.agent.status().Feeds)
		}
	case "/api/stats":
		if only(w, r, http.MethodGet) {
			answerJSON(w, l.agent.status())
		}
	case "/":
		l.page(w, r)
	case "/metrics":
		l.metrics(w, r)
	case "/api/events":
		l.events(w, r)
	case "/api/lock":
		l.lock(w, r)
	case "/healthcheck":
		if only(w, r, http.MethodGet) {
			answerJSON(w, "ok")
		}
	default:
		clearSite(w) // another program had it
		fail(w, http.StatusNotFound, fmt.Sprintf("there is nothing at %.200q", path))
	}
}

// only refuses other methods than those.
func only(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	if slices.Contains(methods, r.Method) || r.Method == http.MethodHead && slices.Contains(methods, http.MethodGet) {
		return true
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	fail(w, http.StatusMethodNotAllowed, fmt.Sprintf("%.20s is not for this path: use %s", r.Method, strings.Join(methods, ", ")))
	return false
}

// writeSoon bounds how long the client may take to take its answer. What lives
// on sets it anew with every write.
func writeSoon(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeWithin))
}

func answerJSON(w http.ResponseWriter, v any) {
	writeSoon(w)
	w.Header().Set("Content-Type", "application/json")
	_ = printable.NewEncoder(w).Encode(v) // who asked has gone
}

func fail(w http.ResponseWriter, status int, why string) {
	writeSoon(w)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = printable.NewEncoder(w).Encode(map[string]string{"error": why})
}
