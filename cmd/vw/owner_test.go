//go:build unix

package main_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"vw/agent"
)

// told runs one of the commands that ask the agent on a port.
func told(t *testing.T, url string, args ...string) (code int, out, complaint string) {
	t.Helper()
	p := vw(t, []string{"VW_PORT=" + url[strings.LastIndexByte(url, ':')+1:]}, args...)
	code = p.ended(t, patience)
	return code, p.out.String(), p.err.String()
}

func TestOwnerMutesAndLocksFromTheShell(t *testing.T) {
	_, url := stream(t, nil)
	var s agent.Status
	code, out, _ := told(t, url, "mute", "mic", "cam:audio")
	get(t, url+"/api/stats", &s)
	if code != 0 || strings.Join(s.Mutes, " ") != "cam:audio mic" {
		t.Fatalf("code %d, mutes %q\n%s", code, s.Mutes, out)
	}
	if !strings.Contains(out, "mic is muted") || !strings.Contains(out, "VW_MUTED=cam:audio,mic") {
		t.Errorf("mute says\n%s", out)
	}
	told(t, url, "mute", "*")
	if code, out, _ = told(t, url, "unmute", "mic"); code != 0 || !strings.Contains(out, "mic is still muted") {
		t.Errorf("unmute under * says, with code %d\n%s", code, out)
	}
	if code, out, _ = told(t, url, "unmute", "*", "cam:audio"); code != 0 || !strings.Contains(out, "not muted by you any more") {
		t.Errorf("unmute says, with code %d\n%s", code, out)
	}
	code, out, _ = told(t, url, "lock")
	get(t, url+"/api/stats", &s)
	if code != 0 || !s.Locked || len(s.Mutes) != 0 || !strings.Contains(out, "does not outlive") {
		t.Errorf("code %d, %+v\n%s", code, s, out)
	}
	code, _, _ = told(t, url, "unlock")
	get(t, url+"/api/stats", &s)
	if code != 0 || s.Locked {
		t.Errorf("code %d, %+v", code, s)
	}
}

func TestOwnersWordOutlivesARestartWhereThereIsAStateFile(t *testing.T) {
	environ := []string{"VW_STATE=" + filepath.Join(t.TempDir(), "state.json")}
	p, url := stream(t, environ)
	for _, args := range [][]string{{"mute", "mic"}, {"lock"}} {
		if code, out, _ := told(t, url, args...); code != 0 || !strings.Contains(out, "outlives a restart") {
			t.Errorf("%q: code %d\n%s", args, code, out)
		}
	}
	p.signal(syscall.SIGTERM)
	p.ended(t, prompt)
	_, url = stream(t, environ)
	var s agent.Status
	if get(t, url+"/api/stats", &s); !s.Locked || strings.Join(s.Mutes, " ") != "mic" {
		t.Errorf("after the restart: locked %v, mutes %q", s.Locked, s.Mutes)
	}
}

func TestOwnersCommandsSayWhatIsWrong(t *testing.T) {
	_, url := stream(t, nil)
	nobody := "http://127.0.0.1:" + freePort(t)
	for _, c := range []struct {
		at   string
		code int
		word string
		args []string
	}{
		{url, 2, "which feed", []string{"mute"}},
		{url, 2, "--frob", []string{"mute", "--frob", "mic"}},
		{url, 2, "too many", []string{"lock", "everything"}},
		{url, 2, "99999", []string{"unlock", "--port", "99999"}},
		{url, 1, "holds ' '", []string{"mute", "my mic"}},
		{url, 1, ":audio", []string{"mute", "mic:smell"}},
		{nobody, 1, "is vw stream running", []string{"mute", "mic"}},
		{nobody, 1, "is vw stream running", []string{"unlock"}},
	} {
		code, out, complaint := told(t, c.at, c.args...)
		if code != c.code || out != "" {
			t.Errorf("%q: code %d, %s", c.args, code, out)
		}
		oneLine(t, complaint, "vw "+c.args[0], c.word)
	}
}
