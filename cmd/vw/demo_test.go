//go:build unix

package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

func TestDemoWorksWithAndWithoutFFmpeg(t *testing.T) {
	for name, environ := range map[string][]string{"with": nil, "without": noPath(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := vw(t, environ, "demo", "--for", "5s")
			if code := p.ended(t, patience); code != 0 || p.err.String() != "" {
				t.Fatalf("code %d\n%s%s", code, &p.out, &p.err)
			}
			out := p.out.String()
			if !strings.Contains(out, "without continuity errors\n") {
				t.Errorf("no verdict:\n%s", out)
			}
			seconds := regexp.MustCompile(`(?m)^ +\d s +\d+\.\d\d Mbit/s +[1-9]\d* packets  0 continuity errors  0 dropped$`).FindAllString(out, -1)
			if len(seconds) < 3 {
				t.Errorf("%d lines of what arrives, want one a second:\n%s", len(seconds), out)
			}
		})
	}
}

func TestDemoEndsCleanlyOnCtrlC(t *testing.T) {
	for name, environ := range map[string][]string{"with ffmpeg": nil, "without": noPath(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := vw(t, environ, "demo")
			p.says(t, &p.out, "   2 s ")
			url := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(p.out.String())
			p.signal(syscall.SIGINT) // ffmpeg gets it too, as from a terminal
			if code := p.ended(t, prompt); code != 0 || p.err.String() != "" {
				t.Errorf("code %d\n%s%s", code, &p.out, &p.err)
			}
			if _, err := http.Get(url + "/healthcheck"); err == nil {
				t.Errorf("%s still answers", url)
			}
		})
	}
}

func TestDemoWithoutVideoFails(t *testing.T) {
	for name, c := range map[string]struct{ script, length, why string }{
		"too short":                {"exit 0", "1ms", ""},
		"an ffmpeg that is silent": {"/bin/dd bs=1 count=1 2>/dev/null", "2s", "no video arrived"}, // until it is told to end
		"an ffmpeg that fails":     {"echo no such filter >&2; exit 1", "1h", "no such filter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte("#!/bin/sh\n"+c.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			p := vw(t, []string{"PATH=" + dir}, "demo", "--for", c.length)
			if code := p.ended(t, patience); code != 1 {
				t.Errorf("code %d\n%s", code, &p.out)
			}
			oneLine(t, p.err.String(), "vw demo", c.why)
		})
	}
}

func TestDemoRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, args := range [][]string{{"--frob"}, {"--for", "5"}, {"--for"}, {"--port", "x"}, {"twice"}} {
		p := vw(t, nil, append([]string{"demo"}, args...)...)
		if code := p.ended(t, patience); code != 2 || p.out.String() != "" {
			t.Errorf("%q: code %d, %s", args, code, &p.out)
		}
		oneLine(t, p.err.String(), "vw demo")
	}
}
