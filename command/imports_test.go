package command_test

import (
	"os/exec"
	"strings"
	"testing"
)

// What the room does comes to it as bytes and functions. If it knew the network
// or media, its rules could come to depend on them, and it could not be tested
// without them.
func TestImports(t *testing.T) {
	list, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := strings.Fields(string(list))
	own := false
	for _, name := range packages {
		own = own || name == "vw/command"
		if name == "net" || strings.HasPrefix(name, "net/http") || strings.Contains(name, "websocket") {
			t.Errorf("command imports %s: the network is agent's", name)
		}
		if strings.HasPrefix(name, "vw/") && !strings.HasPrefix(name, "vw/command") {
			t.Errorf("command imports %s: it may know no other room", name)
		}
	}
	if !own {
		t.Fatalf("go list named another package's imports: %s", packages)
	}
}
