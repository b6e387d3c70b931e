package cli_test

import (
	"testing"

	"vw/cmd/vw/cli"
)

func TestMisspeltWordsAreUnderstoodAndOthersAreNot(t *testing.T) {
	known := []string{"stream", "status", "devices", "api", "api-token", "muted", "mute-file", "port", "state", "log-level", "to"}
	for word, want := range map[string]string{
		"stauts": "status", "sttus": "status", "STATUS": "status", "stats": "status", "device": "devices", "dev": "devices", "strem": "stream",
		"mute": "muted", "muetd": "muted", "mutes": "muted", "muted-feeds": "muted", "mute-flie": "mute-file", "prot": "port", "state-file": "state",
		"log": "log-level", "ap": "api", "token": "", "frob": "", "s": "", "x": "", "": "",
	} {
		if got := cli.Nearest(word, known); got != want {
			t.Errorf("%q is understood as %q, want %q", word, got, want)
		}
	}
}
