package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"vw/cmd/vw/cli"
)

// install runs vw devices --install for a machine, with an agent that is not there.
func install(t *testing.T, root, feed string) (code int, out, complaint string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), []string{"devices", "--port", "1", "--root", root, "--install", feed}, nil, nil, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestInstallWritesTheLineOfADeviceForItsUnit(t *testing.T) {
	root := cameraRoot(t)
	want := devicesJSON(t, nil, "--port", "1", "--root", root).Cameras[0].Line
	code, out, complaint := install(t, root, "video0")
	if code != cli.OK || complaint != "" || !strings.Contains(out, "systemctl enable --now vw-source@video0") {
		t.Fatalf("code %d\n%s%s", code, out, complaint)
	}
	if !strings.Contains(out, "no lasting name") {
		t.Errorf("that /dev/video0 may change is not said: %s", out)
	}
	path := filepath.Join(root, "etc", "vw", "video0.source")
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "# ") || !strings.HasSuffix(string(text), "\nexec "+want+"\n") {
		t.Errorf("%v\n%s\nis not a comment and exec %s", err, text, want)
	}
}

func TestInstallReplacesNothingAndUsesNoDeviceTwice(t *testing.T) {
	root := cameraRoot(t)
	dir := filepath.Join(root, "etc", "vw")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ file, text, feed, words string }{
		"no such feed":    {"", "", "video7", "vw devices lists video0"},
		"there already":   {"video0.source", "mine", "video0", "remove it first"},
		"used already":    {"front.source", "exec ffmpeg -i /dev/video0 x", "front", "front.source uses this device"},
		"used by another": {"front.source", "exec ffmpeg -i /dev/video0 x", "video0", "vw devices lists front"},
	} {
		if c.file != "" {
			if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		code, out, complaint := install(t, root, c.feed)
		if code != cli.Failed || out != "" || !strings.Contains(complaint, c.words) || strings.Count(complaint, "\n") != 1 {
			t.Errorf("%s: code %d\n%s%s", name, code, out, complaint)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, file := range files {
			if text, err := os.ReadFile(file); err != nil || string(text) != c.text {
				t.Errorf("%s: %s holds %q, %v", name, file, text, err)
			}
			os.Remove(file)
		}
	}
}
