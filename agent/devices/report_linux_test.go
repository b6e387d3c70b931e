package devices_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"vw/agent/devices"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestRecordedMachinesAreReportedAsTheirGoldenFilesSay(t *testing.T) {
	free := devices.Agent{Port: 8888, Reached: true}
	for _, test := range []struct {
		machine string
		locked  bool // its device nodes may not be opened
		agent   devices.Agent
	}{
		{"pi", false, free},
		{"odroid", false, devices.Agent{Port: 9000, Reached: true, Taken: []string{"audio1", "video0", "video2"}}},
		{"laptop", false, devices.Agent{Port: 8888, Problem: "connect: connection refused"}},
		{"server", false, free},
		{"denied", true, free},
		{"container", false, free},
	} {
		t.Run(test.machine, func(t *testing.T) {
			find := devices.Find
			if test.locked {
				find = func(root string) (*devices.Report, error) { return findLocked(t, root) }
			}
			report, err := find(unpack(t, test.machine))
			if err != nil {
				t.Fatal(err)
			}
			report.Assign(test.agent)
			var text, object bytes.Buffer
			if err := report.WriteText(&text); err != nil {
				t.Fatal(err)
			}
			enc := json.NewEncoder(&object)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(report); err != nil {
				t.Fatal(err)
			}
			golden(t, test.machine+".txt", text.Bytes())
			golden(t, test.machine+".json", object.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func TestARootThatIsNoFolderIsAnError(t *testing.T) {
	if _, err := devices.Find(filepath.Join(t.TempDir(), "nothing")); err == nil {
		t.Error("a machine was found where there is no folder")
	}
}

func TestLinksOutOfTheRootAreNotFollowed(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, "secret\n")
	root := t.TempDir()
	write(t, filepath.Join(root, "dev/video0"), "")
	link(t, filepath.Join(root, "sys/class/video4linux/video0/name"), secret)

	report, err := devices.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Cameras) != 1 || report.Cameras[0].Name != "video0" {
		t.Errorf("got %+v, want the camera by its node's name", report.Cameras)
	}
}
