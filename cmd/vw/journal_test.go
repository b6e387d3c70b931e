//go:build unix

package main_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestJournalTellsWhoDidWhatAndWhatWasInForce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal")
	p, base := stream(t, []string{"VW_JOURNAL=" + file})
	port := base[strings.LastIndexByte(base, ':')+1:]
	if q := vw(t, nil, "mute", "--port", port, "mic"); q.ended(t, patience) != 0 {
		t.Fatalf("%s%s", &q.out, &q.err)
	}
	says := func(code int, words string, args ...string) {
		t.Helper()
		q := vw(t, nil, append([]string{"journal"}, args...)...)
		if got := q.ended(t, patience); got != code || !strings.Contains(q.out.String()+q.err.String(), words) {
			t.Errorf("%q: code %d\n%s%s", args, got, &q.out, &q.err)
		}
	}
	says(0, `command: mutes: none -> ["mic"]`, "--port", port) // the agent says where it is
	says(0, `"what":"mutes"`, "--journal", file, "--json")
	says(0, "mutes: [\"mic\"]\nschedule: none\nlock: none\n", "--journal", file, "--at", "2999-01-01 00:00")
	says(1, "does not go back to 1999-01-01 14:03:00", "--journal", file, "--at", "1999-01-01 14:03")
	says(2, `"noon" is no time`, "--journal", file, "--at", "noon")
	says(2, "no such file", "--journal", file+".not")
	p.signal(syscall.SIGTERM)
	p.ended(t, patience)
	says(0, "no vw ran", "--journal", file, "--at", "2999-01-01 00:00")
}
