package main

import (
	"bufio"
	"bytes"
	"context"
	"strings"
	"testing"
	"vw/cmd/vw/cli"
)

// onScreen is what vw status writes to a terminal, up to its last line.
func onScreen(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	screen, tty := terminal(t)
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	var stderr bytes.Buffer
	port := listening(t, answering(recorded(t, "status_onair")))
	go func() {
		ended <- run(ctx, append(append([]string{"status"}, args...), "--port", port), environ, nil, tty, &stderr)
	}()
	var text strings.Builder
	for lines := bufio.NewScanner(screen); lines.Scan(); {
		text.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "All is as") {
			break
		}
	}
	interrupt()
	if code := <-ended; code != cli.OK || stderr.Len() > 0 {
		t.Errorf("code %d, %s", code, stderr.String())
	}
	return text.String()
}

func TestStatusPaintsAndClearsTerminalsOnly(t *testing.T) {
	for name, c := range map[string]struct {
		environ, args   []string
		colour, cleared bool
	}{
		"terminal":     {nil, nil, true, false},
		"NO_COLOR":     {[]string{"NO_COLOR=1"}, nil, false, false},
		"not NO_COLOR": {[]string{"NO_COLOR="}, nil, true, false},
		"watching":     {[]string{"NO_COLOR=1"}, []string{"--watch"}, false, true},
	} {
		text := onScreen(t, c.environ, c.args...)
		if strings.Contains(text, "\x1b[32m") != c.colour || strings.HasPrefix(text, clearScreen) != c.cleared {
			t.Errorf("%s: %q", name, text)
		}
		if strings.Contains(text, "\x1b") != (c.colour || c.cleared) {
			t.Errorf("%s: escape sequences in %q", name, text)
		}
	}
}
