package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vw/cmd/vw/cli"
	"vw/cmd/vw/statustext"
)

// An agent that does not answer is one whose packets may be stuck too.
func TestWatchdogIsFedWhileTheAgentAnswersAndNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		var stuck atomic.Bool
		m := manager{every: 10 * time.Second, log: slog.New(slog.DiscardHandler)}
		m.tell = func(state string) { told = append(told, state) }
		m.look = func(ctx context.Context) (statustext.Report, error) {
			if stuck.Load() {
				<-ctx.Done()
				return statustext.Report{}, ctx.Err()
			}
			return statustext.Report{Sections: []statustext.Section{{Head: "going out", Lines: []statustext.Line{{Severity: cli.Good, Text: "cam -> relay\nis on air"}}}}}, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			m.run(ctx)
		}()
		time.Sleep(25 * time.Second)
		synctest.Wait()
		const alive = "READY=1\nWATCHDOG=1\nSTATUS=All is as the rules, and you, want it: cam -> relay is on air"
		if want := []string{alive, alive, alive}; !slices.Equal(told, want) {
			t.Errorf("while it answers: %q, want %q", told, want)
		}
		stuck.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(told) != 3 {
			t.Errorf("while it is stuck the manager is told %q", told[3:])
		}
		cancel()
		<-done
		if told[len(told)-1] != "STOPPING=1" {
			t.Errorf("at the end: %q", told[len(told)-1])
		}
	})
}

func TestStatusInOneLineSaysWhatIsWrongFirst(t *testing.T) {
	r := statustext.Report{Sections: []statustext.Section{
		{Head: "going out", Lines: []statustext.Line{{Severity: cli.Good, Text: "cam is on air"}, {Severity: cli.Wrong, Text: "lab does not leave"}}},
		{Head: "coming in", Lines: []statustext.Line{{Severity: cli.Wrong, Text: "mic is silent"}}},
	}}
	if got, want := oneLineOf(r.Sentence()), "Something is wrong: lab does not leave; mic is silent"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := oneLineOf(strings.Repeat("ä", maxStatus)); len(got) > maxStatus+len("…") || !strings.HasSuffix(got, "ä…") {
		t.Errorf("%d bytes, %q", len(got), got[len(got)-8:])
	}
}
