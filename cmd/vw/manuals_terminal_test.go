//go:build unix

package main_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

// neighbours says whether nothing but prose of one paragraph is between two blocks of
// different terminals.
func (r *reader) neighbours(text string, a, b block) bool {
	lines := strings.Split(text, "\n")[a.line+len(a.lines)+1 : b.line-1]
	between := strings.TrimSpace(strings.Join(lines, "\n"))
	return a.lines[0] != b.lines[0] && !strings.Contains(between, "\n\n") && !strings.HasPrefix(between, "#")
}

// websocat holds the conversations of terminals that are open at the same time.
func (r *reader) websocat(terminals []block) {
	r.Helper()
	links := make([]*websocket.Conn, len(terminals))
	for i, b := range terminals {
		url, ok := strings.CutPrefix(b.lines[0], "$ websocat ")
		if !ok {
			r.Fatalf("%v: it does not begin with websocat", b)
		}
		links[i] = r.terminal(r.replace.Replace(url))
	}
	failed := make(chan error, len(terminals))
	for i, b := range terminals {
		go func() { failed <- r.converse(links[i], b) }()
	}
	for range terminals {
		if err := <-failed; err != nil {
			r.Fatal(err)
		}
	}
}

// terminal is a websocat that was started before, or is now.
func (r *reader) terminal(url string) *websocket.Conn {
	r.Helper()
	if ws := r.terminals[url]; ws != nil {
		return ws
	}
	dialer := websocket.Dialer{TLSClientConfig: r.tls}
	ws, _, err := dialer.DialContext(r.Context(), url, nil)
	if err != nil {
		r.Fatalf("websocat %s: %v", url, err)
	}
	r.Cleanup(func() { ws.Close() })
	r.terminals[url] = ws
	if path, at := strings.CutPrefix(url, r.relays["relay"].URL()); at {
		_, err := r.relays["relay"].Await(r.Context(), path, func(v []testrelay.Visit) bool { return testrelay.Up(v) > 1 })
		if err != nil {
			r.Fatal(err)
		}
	}
	return ws
}

// hangUp ends the websocats: another program is to talk on their topics.
func (r *reader) hangUp() {
	for _, ws := range r.terminals {
		ws.Close()
	}
	clear(r.terminals)
}

// converse sends what stands after > and expects what stands after <.
func (r *reader) converse(ws *websocket.Conn, b block) error {
	for i, line := range b.lines[1:] {
		line = r.replace.Replace(line)
		if message, sent := strings.CutPrefix(line, "> "); sent {
			if err := ws.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
				return fmt.Errorf("%v: %q: %w", b, message, err)
			}
			continue
		}
		shown, ok := strings.CutPrefix(line, "< ")
		if !ok {
			return fmt.Errorf("%v: %q is neither sent nor received", b, line)
		}
		_ = ws.SetReadDeadline(time.Now().Add(patience))
		_, message, err := ws.ReadMessage()
		if err != nil || !matches(shown, string(message)) {
			return fmt.Errorf("%v: after %q came %s (%v), the manual shows %s", b, b.lines[i], message, err, shown)
		}
	}
	return nil
}
