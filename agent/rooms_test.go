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

// A wall is around a package and those below it: what of ours it may import, and
// whether it may know the network. The first whose path covers a package counts.
type wall struct {
	path    string
	network bool
	may     []string
	why     string
}

var walls = []wall{
	{"vw/command", false, []string{"vw/command"}, "the protocol knows neither the network nor another room"},
	{"vw/media", false, []string{"vw/media"}, "media is bytes in and bytes out, and knows neither the network nor another room"},
	{"vw/testrelay/tokens", false, nil, "tokens are a file"},
	{"vw/testrelay/keypair", false, nil, "a certificate is two files"},
	{"vw/testrelay/view", true, nil, "the page knows a relay by the address of a websocket"},
	{"vw/testrelay", true, []string{"vw/testrelay", "vw/media"}, "the relay knows nothing of agents"},
	{"vw/agent/link/mqtt", true, []string{"vw/agent/link"}, "a broker is spoken to on a link, whoever commands whom"},
	{"vw/agent/link", true, nil, "a link knows no rules, no media and nothing of the agent"},
	{"vw/agent/owner", false, []string{"vw/command", "vw/media"}, "the owner's word knows no network"},
	{"vw/agent/state", false, []string{"vw/agent/owner", "vw/command", "vw/media"}, "the state is kept, not acted upon"},
	{"vw/agent/journal", false, []string{"vw/agent/owner", "vw/command"}, "the journal keeps what was done, and does nothing"},
	{"vw/agent/status", false, []string{"vw/agent/link", "vw/agent/owner", "vw/command", "vw/media"}, "what is told is plain values, for clients as for the agent"},
	{"vw/agent/metrics", false, []string{"vw/agent/link", "vw/agent/status", "vw/media"}, "metrics are made of what an agent tells, whoever asks for them"},
	{"vw/agent/devices", false, nil, "devices are what the kernel has written, whoever asks"},
	{"vw/agent/forward", false, []string{"vw/agent/link", "vw/agent/status", "vw/command", "vw/media"}, "what is forwarded knows neither HTTP nor commands"},
	{"vw/agent/channel", false, []string{"vw/agent/link", "vw/agent/state", "vw/agent/status", "vw/command"}, "the channel brings commands, and knows neither HTTP nor media"},
	{"vw/agent/client", true, []string{"vw/agent/owner", "vw/agent/status", "vw/command", "vw/media"}, "a client knows what an agent tells, not how it works"},
	{"vw/agent/local", true, []string{"vw/agent/channel", "vw/agent/devices", "vw/agent/link", "vw/agent/forward", "vw/agent/metrics", "vw/agent/owner", "vw/agent/state", "vw/agent/status", "vw/command", "vw/media"}, "HTTP is below the agent"},
	{"vw/agent", true, []string{"vw/agent", "vw/command", "vw/media"}, "the agent is made of command and media, and not of programs or relays"},
	{"vw/cmd/vw/cli", false, []string{"vw/agent/client", "vw/agent/link", "vw/agent/owner", "vw/command"}, "what commands have in common knows no command"},
	{"vw/cmd/vw/send", false, []string{"vw/agent/link", "vw/cmd/vw/cli", "vw/command"}, "commands are sent as they were written, by the one dialer"},
	{"vw/cmd/vw/doctor", true, []string{"vw/agent/link", "vw/agent/status", "vw/cmd/vw/cli", "vw/command/printable", "vw/media/mpegts"}, "the way to a relay is gone as a link goes it, without the agent"},
	{"vw/cmd/vw/statustext", false, []string{"vw/agent/link", "vw/agent/owner", "vw/agent/status", "vw/cmd/vw/cli", "vw/command/printable", "vw/media"}, "words are made of what an agent tells"},
	{"vw/cmd", true, []string{"vw"}, ""},
}

// Who may import whom. go list's Imports are those of the program, without
// those of its tests.
func TestRoomsImportWhatTheyMay(t *testing.T) {
	list, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "vw/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	in := func(path, room string) bool { return path == room || strings.HasPrefix(path, room+"/") }
	seen := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		from, imports := strings.Fields(line)[0], strings.Fields(line)[1:]
		i := slices.IndexFunc(walls, func(r wall) bool { return in(from, r.path) })
		if i < 0 {
			t.Fatalf("%s is no room that this test knows", from)
		}
		r := walls[i]
		seen[r.path] = true
		for _, to := range imports {
			ours := in(to, "vw")
			if ours && !in(to, from) && !slices.ContainsFunc(r.may, func(may string) bool { return in(to, may) }) ||
				!r.network && (to == "net" || in(to, "net/http") || strings.Contains(to, "websocket")) ||
				in(to, "vw/cmd") && !in(from, "vw/cmd") {
				t.Errorf("%s imports %s: %s", from, to, r.why)
			}
		}
	}
	for _, r := range walls {
		if !seen[r.path] {
			t.Errorf("go list does not know %s", r.path)
		}
	}
}

// The walk of a newcomer in the package's comment names what there is.
func TestTheWalkNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	walk, _, _ := bytes.Cut(page, []byte("# Invariants"))
	rooms := map[string]string{"media": "vw/media", "command": "vw/command"}
	for _, room := range []string{"link", "state", "forward", "channel", "local"} {
		rooms[room] = "vw/agent/" + room
	}
	names := regexp.MustCompile(`\b([a-z]+)\.([A-Z]\w*(?:\.[A-Z]\w*)?)`).FindAllSubmatch(walk, -1)
	if len(names) < 20 {
		t.Errorf("only %d names", len(names))
	}
	for _, name := range names {
		if out, err := exec.Command("go", "doc", rooms[string(name[1])], string(name[2])).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", name[0], out)
		}
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
