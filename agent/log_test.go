package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vw/agent"
)

// Whoever may command or post cannot fill the disk with log, and what is left
// out is told.
func TestLogIsBoundedInAFlood(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	begun := time.Now()
	const n = 400
	feeds := make([]string, 100)
	for i := range feeds {
		feeds[i] = fmt.Sprint(strings.Repeat("long", 25), i)
	}
	for i := range n {
		a.request(t, "POST", "/api/streams", jsonOf(map[string]any{"stream": fmt.Sprint("s", i%2), "feeds": feeds[i%3:]}))
		a.request(t, "POST", fmt.Sprint("/ts/feed", i), "no transport stream")
		a.request(t, []string{"PUT", "DELETE"}[i%2], "/api/mutes/v", "")
	}
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	most := 50 + 10*int(time.Since(begun).Seconds()+1)
	if size := len(a.log.String()); size > 4*most*1000 {
		t.Errorf("%d requests made %d bytes of log", 3*n, size)
	}
	for _, kind := range []string{"stream rule added", "post refused: no MPEG transport stream", "owner's mutes"} {
		lines := len(a.log.lines(`"msg":"` + kind + `"`))
		if lines > most || lines < 10 {
			t.Errorf("%d lines are %q, at most %d may be", lines, kind, most)
		}
		told := 0
		for _, line := range a.log.lines("log lines left out", kind) {
			var l struct{ Lines int }
			decode(t, line, &l)
			told += l.Lines
		}
		if lines+told != n {
			t.Errorf("%q: %d lines and %d that are told to be left out, want %d", kind, lines, told, n)
		}
	}
}
