package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vw/agent"
	"vw/testrelay"
)

// machine is the file system of one with a camera and a microphone.
func machine(t *testing.T, camera string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"dev/video0": "", "sys/class/video4linux/video0/name": camera, "dev/snd/pcmC0D0c": "",
		"proc/asound/cards": " 0 [Desk ]: USB-Audio - Desk microphone\n     x at usb-1\n", "proc/asound/pcm": "00-00: x : USB : capture 1\n",
	} {
		file := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(file), 0o755)
		if err == nil {
			err = os.WriteFile(file, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestBrowserListsTheDevicesOfThisMachine(t *testing.T) {
	const name = `HD Webcam <img src=x onerror="owned=1">`
	root := machine(t, name)
	a := start(t, nil, agent.Config{Root: root})
	browse(t, "devices.mjs", map[string]any{"url": a.URL(), "name": name, "artefacts": artefacts(t)}, map[string]func(string) any{
		"keep": func(string) any {
			file := filepath.Join(root, "etc", "vw", "front.source")
			return os.MkdirAll(filepath.Dir(file), 0o755) == nil && os.WriteFile(file, []byte("exec ffmpeg -i /dev/video0"), 0o644) == nil
		},
		"unplug": func(string) any {
			return os.RemoveAll(filepath.Join(root, "sys")) == nil && os.RemoveAll(filepath.Join(root, "dev")) == nil && os.RemoveAll(filepath.Join(root, "proc")) == nil
		},
	})
}

func TestTheChannelIsNotToldOfDevices(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{Root: machine(t, "HD Webcam")})
	if _, text := a.request(t, "GET", "/api/devices", ""); !strings.Contains(text, "HD Webcam") || strings.Contains(text, `"problem"`) {
		t.Errorf("this machine is told %s", text)
	}
	channel := orchestrate(t, relay, "agent1")
	for _, what := range []string{"status", "feed", "stream", "destination"} {
		if text := channel.ask(`{"verb":"list","what":"` + what + `","which":"all"}`); strings.Contains(text, "HD Webcam") || strings.Contains(text, "video0") {
			t.Errorf("list %s tells %s", what, text)
		}
	}
}
