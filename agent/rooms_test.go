package agent_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Who may import whom. go list's Imports are those of the program, without
// those of its tests.
func TestRoomsImportWhatTheyMay(t *testing.T) {
	list, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "vw/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	imports := map[string][]string{}
	for line := range strings.Lines(string(list)) {
		f := strings.Fields(line)
		imports[f[0]] = f[1:]
	}
	in := func(path, room string) bool { return path == room || strings.HasPrefix(path, room+"/") }
	network := func(path string) bool {
		return path == "net" || in(path, "net/http") || strings.Contains(path, "websocket")
	}
	for _, room := range []string{"vw/agent", "vw/command", "vw/media", "vw/testrelay", "vw/cmd/vw"} {
		if len(imports[room]) == 0 {
			t.Fatalf("go list does not know %s", room)
		}
	}
	told := []string{"vw/agent/link", "vw/agent/owner", "vw/command", "vw/media"}
	uses := map[string]bool{}
	for from, all := range imports {
		for _, to := range all {
			switch {
			case in(to, "vw/testrelay") && !in(from, "vw/cmd") && !in(from, "vw/testrelay"):
				t.Errorf("%s imports %s: a relay that lets everybody in is for tests and cmd alone", from, to)
			case in(from, "vw/agent/owner") && network(to):
				t.Errorf("%s imports %s: the owner's word knows no network", from, to)
			case in(from, "vw/command") && (network(to) || in(to, "vw") && !in(to, "vw/command")):
				t.Errorf("%s imports %s: the protocol knows neither the network nor another room", from, to)
			case in(from, "vw/media") && (network(to) || in(to, "vw") && !in(to, "vw/media")):
				t.Errorf("%s imports %s: media is bytes in and bytes out, and knows neither the network nor another room", from, to)
			case in(from, "vw/testrelay") && in(to, "vw") && !in(to, "vw/testrelay") && !in(to, "vw/media"):
				t.Errorf("%s imports %s: the relay knows nothing of agents", from, to)
			case in(from, "vw/agent") && in(to, "vw") && !in(to, "vw/agent") && !in(to, "vw/command") && !in(to, "vw/media"):
				t.Errorf("%s imports %s: the agent is made of command and media", from, to)
			case in(from, "vw/agent/link") && in(to, "vw"):
				t.Errorf("%s imports %s: a link knows no rules, no media and nothing of the agent", from, to)
			case in(from, "vw/agent/status") && in(to, "vw") && !slices.Contains(told, to):
				t.Errorf("%s imports %s: what is told is plain values, for clients as for the agent", from, to)
			case in(to, "vw/cmd") && !in(from, "vw/cmd"):
				t.Errorf("%s imports %s: programs are imported by nobody", from, to)
			}
			if from == "vw/agent" {
				uses[to] = true
			}
		}
	}
	if !uses["vw/command"] || !uses["vw/media"] {
		t.Error("vw/agent does not import both vw/command and vw/media")
	}
}

// The packages' comments and SECURITY.md name the tests that hold what they say.
func TestPagesNameTestsThatExist(t *testing.T) {
	t.Parallel()
	var tests []byte
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		tests = append(tests, text...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, least := range map[string]int{"doc.go": 20, "owner/owner.go": 5, "../command/doc.go": 15, "../media/doc.go": 5, "../SECURITY.md": 30} {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`(Test|Fuzz)[A-Z]\w+`).FindAll(page, -1)
		if len(names) < least {
			t.Errorf("%s names only %d tests", path, len(names))
		}
		for _, name := range names {
			if !bytes.Contains(tests, fmt.Appendf(nil, "\nfunc %s(", name)) {
				t.Errorf("%s: there is no %s", path, name)
			}
		}
	}
}
