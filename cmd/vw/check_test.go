package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"vw/cmd/vw/cli"
)

// recordings are a sound one, an unsound one and their folder.
func recordings(t *testing.T) (good, bad string) {
	t.Helper()
	good = filepath.Join(t.TempDir(), "good.ts")
	args := "-v error -nostdin -f lavfi -i testsrc2=s=320x240:r=25:d=2 -f lavfi -i sine=d=2 -c:v mpeg1video -c:a mp2 "
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields(args+good)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	b, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	bad = filepath.Join(filepath.Dir(good), "bad.ts")
	if err := os.WriteFile(bad, append(b[:188*100:188*100], b[188*105:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	return good, bad
}

// checked is vw check's code and what it printed.
func checked(in io.Reader, args ...string) (code int, out, complaint string) {
	var stdout, stderr bytes.Buffer
	code = run(context.Background(), append([]string{"check"}, args...), nil, in, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestCheckTellsPeopleWhatIsWrong(t *testing.T) {
	good, bad := recordings(t)
	code, out, complaint := checked(nil, good)
	if code != cli.OK || complaint != "" || !strings.HasPrefix(out, good+": sound\n") || strings.Contains(out, "fault:") {
		t.Errorf("sound: code %d\n%s%s", code, out, complaint)
	}
	for _, word := range []string{"0x100 (PCR)", "0x101", "mp2", "[0xe0]", "kbit/s"} {
		if !strings.Contains(out, word) {
			t.Errorf("%q is not in\n%s", word, out)
		}
	}
	code, out, complaint = checked(nil, good, bad)
	if code != cli.Failed || complaint != "" || !strings.Contains(out, bad+": NOT SOUND\n") || !strings.Contains(out, "fault: 1 × continuity error on PID 0x10") {
		t.Errorf("unsound: code %d\n%s%s", code, out, complaint)
	}
}

func TestCheckTellsMachinesWhatIsWrong(t *testing.T) {
	good, bad := recordings(t)
	code, out, _ := checked(nil, "--json", good, bad, good+".missing")
	var got []checkResult
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got) != 3 {
		t.Fatalf("%v\n%s", err, out)
	}
	if code != cli.Usage || !got[0].Sound || got[1].Sound || got[2].Sound || len(got[1].Faults) == 0 || got[2].Error == "" {
		t.Errorf("code %d, %+v", code, got)
	}
	if got[1].Report.ContinuityErrors == 0 || got[0].Report.Programs[0].Tracks[0].Frames != 50 {
		t.Errorf("report %+v", got[1].Report)
	}
}

func TestCheckReadsStandardInput(t *testing.T) {
	good, _ := recordings(t)
	f, err := os.Open(good)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if code, out, _ := checked(f, "-"); code != cli.OK || !strings.HasPrefix(out, "-: sound\n") {
		t.Errorf("code %d\n%s", code, out)
	}
	if code, out, _ := checked(strings.NewReader("this is no transport stream"), "-"); code != cli.Failed || !strings.Contains(out, "no transport stream") {
		t.Errorf("code %d\n%s", code, out)
	}
}

func TestCheckRefusesWhatItCannotDo(t *testing.T) {
	good, _ := recordings(t)
	for name, args := range map[string][]string{
		"no file":      {},
		"unknown flag": {"--frob", good},
		"missing file": {good + ".missing"},
		"a folder":     {filepath.Dir(good)},
		"one of two":   {good, good + ".missing"},
	} {
		if code, _, complaint := checked(nil, args...); code != cli.Usage || complaint == "" {
			t.Errorf("%s: code %d, %q", name, code, complaint)
		}
	}
	if code, out, complaint := checked(nil, "--help"); code != cli.OK || complaint != "" || !strings.Contains(out, "--json") {
		t.Errorf("help: code %d, %q %q", code, out, complaint)
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	good, _ := recordings(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	if code := run(ctx, []string{"check", good}, nil, nil, io.Discard, &stderr); code != cli.Usage || !strings.Contains(stderr.String(), "context canceled") {
		t.Errorf("code %d, %s", code, stderr.String())
	}
}
