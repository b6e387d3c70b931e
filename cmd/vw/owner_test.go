//go:build unix

package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"vw/agent/status"
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
	var s status.Status
	code, out, _ := told(t, url, "mute", "mic", "cam:audio")
	get(t, url+"/api/stats", &s)
	if code != 0 || strings.Join(s.Mutes, " ") != "cam:audio mic" {
		t.Fatalf("code %d, mutes %q\n%s", code, s.Mutes, out)
	}
	if !strings.Contains(out, "mic is muted") || !strings.Contains(out, "VW_MUTED=cam:audio,mic") {
		t.Errorf("mute says\n%s", out)
	}
	told(t, url, "mute", "*")
	if code, out, _ = told(t, url, "unmute", "mic"); code != 0 || out != "mic is still muted, since everything stays muted: vw unmute '*' ends that.\n" {
		t.Errorf("unmute under * says, with code %d\n%s", code, out)
	}
	if code, out, _ = told(t, url, "unmute", "*", "cam:audio", "mick"); code != 0 || !strings.Contains(out, "cam:audio is not muted by you any more") ||
		!strings.Contains(out, "\nmick was not muted: vw mute lists what is.\n") {
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
	var s status.Status
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
		{url, 2, "which feed", []string{"unmute"}},
		{url, 2, "which feed", []string{"mute", "--for", "45m"}},
		{url, 1, "45m or 1h30m", []string{"mute", "mic", "--for", "a while"}},
		{url, 1, "mon-fri 08:00-18:00", []string{"mute", "mic", "--every", "working days"}},
		{url, 1, "do not go together", []string{"mute", "mic", "--for", "45m", "--until", "18:00"}},
		{url, 2, "owner's token", []string{"unlock", "--owner-token-file", "nowhere"}},
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

func TestMuteByTheClockFromTheShell(t *testing.T) {
	_, url := stream(t, []string{"TZ=UTC"})
	code, out, complaint := told(t, url, "mute", "mic", "--for", "1h")
	if code != 0 || !strings.Contains(out, "mic is muted by you until ") {
		t.Errorf("code %d\n%s%s", code, out, complaint)
	}
	code, out, _ = told(t, url, "mute", "--every", "00:00-24:00", "cam")
	if code != 0 || !strings.Contains(out, "cam is muted by you 00:00-24:00, by this machine's clock") || !strings.Contains(out, "now too") {
		t.Errorf("code %d\n%s", code, out)
	}
	code, out, _ = told(t, url, "mute")
	if code != 0 || strings.Count(out, "MUTED ") != 2 || !strings.Contains(out, "MUTED cam 00:00-24:00") || !strings.Contains(out, "MUTED mic until ") {
		t.Errorf("the list, with code %d\n%s", code, out)
	}
	told(t, url, "unmute", "mic", "cam")
	if code, out, _ = told(t, url, "mute"); code != 0 || out != "nothing is muted\n" {
		t.Errorf("the list, with code %d\n%s", code, out)
	}
}

func TestMuteOfAFeedThatIsNotThereWarns(t *testing.T) {
	_, url := stream(t, nil)
	for _, c := range []struct{ rule, words string }{
		{`{"stream":"none","feeds":[]}`, "there is no feed mick now, nor any other"},
		{`{"stream":"lab","feeds":["video0","audio0"]}`, "there is no feed mick now, only audio0, video0"},
		{`{"stream":"mick","feeds":["video0"]}`, "mick is a stream, not a feed: what leaves is the feeds that it is made of (video0)"},
	} {
		resp, err := http.Post(url+"/api/streams", "application/json", strings.NewReader(c.rule))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		code, out, complaint := told(t, url, "mute", "mick")
		if code != 0 || !strings.Contains(out, "mick is muted by you") {
			t.Errorf("code %d\n%s", code, out)
		}
		oneLine(t, complaint, "vw mute", "mick is muted, but "+c.words)
	}
	if code, _, complaint := told(t, url, "mute", "video0", "audio0:audio", "*"); code != 0 || complaint != "" {
		t.Errorf("of what is there: code %d\n%s", code, complaint)
	}
}

func TestUnmuteAndUnlockWantTheOwnersToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("sixteen letters and more\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, url := stream(t, []string{"VW_OWNER_TOKEN_FILE=" + file})
	told(t, url, "mute", "mic")
	lock := vw(t, []string{"VW_PORT=" + url[strings.LastIndexByte(url, ':')+1:], "VW_OWNER_TOKEN_FILE=" + file + ".gone"}, "lock")
	if code := lock.ended(t, patience); code != 0 { // the file may be readable for the agent alone
		t.Errorf("lock without the token: code %d, %s", code, lock.err.String())
	}
	for _, undo := range [][]string{{"unmute", "mic"}, {"unlock"}} {
		code, _, complaint := told(t, url, undo...)
		if code != 1 {
			t.Errorf("%q without the token: code %d", undo, code)
		}
		oneLine(t, complaint, "vw "+undo[0], "--owner-token-file")
		if code, _, complaint := told(t, url, append(undo, "--owner-token-file", file)...); code != 0 {
			t.Errorf("%q with the token: code %d, %s", undo, code, complaint)
		}
	}
	if err := os.Chmod(file, 0o604); err != nil {
		t.Fatal(err)
	}
	p := vw(t, []string{"VW_PORT=" + freePort(t), "VW_OWNER_TOKEN_FILE=" + file}, "stream")
	if code := p.ended(t, patience); code != 2 {
		t.Errorf("with a token that everybody can read: code %d", code)
	}
	oneLine(t, p.err.String(), "vw stream", "chmod o=")
}
