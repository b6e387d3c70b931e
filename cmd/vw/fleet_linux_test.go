package main

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"golang.org/x/sys/unix"

	"vw/cmd/vw/cli"
	"vw/testrelay"
)

// In a terminal the table is drawn again and again, as much of it as has room: an
// agent that is dead is in it with since when, and what is wrong is at its top.
func TestFleetKeepsATableUpToDateInATerminal(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprintf("lab%d", i))
	}
	agents := crew(t, names, func(int) *testrelay.Server { return r })
	_, end := listener(t, r, "/bi/last", "last")
	screen, tty := terminal(t)
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 8, Col: 60}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"fleet", "--agents", listOf(t, r, append(names, "last")...), "--every", "1s", "--timeout", "1s"}, []string{"NO_COLOR=1"}, untouched{}, tty, tty)
	}()
	l := listen(screen)
	const eol = `\x1b\[K\r+\n`
	l.until(t, `\x1b\[H13 of 13 agents are there; 0 have something wrong`+eol+eol+`AGENT  THERE .*`+eol)
	l.until(t, `lab0   for \d+ s .*`+eol)
	l.until(t, `… and 10 more`+eol+`\x1b\[J`)
	end()
	l.until(t, `\x1b\[H12 of 13 agents are there; 0 have something wrong`+eol+eol+`AGENT .*`+eol+`last   NOT for \d+ s +[0-9a-f]{12} .*…`+eol)
	rest(t, agents[7], http.MethodPost, "/api/destinations", `{"id":"0","stream":"mic","destination":"`+r.URL()+`/in/x"}`)
	l.until(t, `12 of 13 agents are there; 1 have something wrong`+eol+eol+`AGENT .*`+eol+`lab7 .*`+eol+`last `)
	cancel()
	for {
		select {
		case <-l.chunks:
		case code := <-ended:
			if code != cli.OK {
				t.Errorf("code %d", code)
			}
			return
		}
	}
}
