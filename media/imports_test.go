package media_test

import (
	"os/exec"
	"strings"
	"testing"
)

// Bytes come to the room as an io.Reader and leave it as messages that somebody
// takes. If it knew the network, a link that is slow could come to hold up a
// feed; if it knew the rules' protocol, there would be two policies.
func TestImports(t *testing.T) {
	rooms, err := exec.Command("go", "list", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, of := range strings.Fields(string(rooms)) {
		list, err := exec.Command("go", "list", "-deps", of).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		own := false
		for _, name := range strings.Fields(string(list)) {
			own = own || name == of
			if name == "net" || strings.HasPrefix(name, "net/") || strings.Contains(name, "websocket") {
				t.Errorf("%s imports %s: the network is agent's, media is bytes in and bytes out", of, name)
			}
			if strings.HasPrefix(name, "vw/") && !strings.HasPrefix(name, "vw/media") {
				t.Errorf("%s imports %s: media may know no other room", of, name)
			}
		}
		if !own {
			t.Errorf("go list does not name %s: %s", of, list)
		}
	}
}
