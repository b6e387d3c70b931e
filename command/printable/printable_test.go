package printable_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode"

	"vw/command/printable"
)

const hostile = "\x1b[2J a\x7fb\u009b31m \u202egpj.exe\u2066 \u200b \U000e0001 ünïcode 漢字 <&>"

func TestTextShowsEveryCharacter(t *testing.T) {
	got := printable.Text("a\tb\n" + hostile)
	want := `a\u0009b\u000a\u001b[2J a\u007fb\u009b31m \u202egpj.exe\u2066 \u200b \udb40\udc01 ünïcode 漢字 <&>`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestJSONStaysTheSame(t *testing.T) {
	var b bytes.Buffer
	e := printable.NewEncoder(&b)
	e.SetIndent("", "  ")
	in := map[string]string{"name": hostile, hostile: "x"}
	if err := e.Encode(in); err != nil {
		t.Fatal(err)
	}
	for _, char := range b.String() {
		if char != '\n' && !unicode.IsPrint(char) {
			t.Errorf("%U is in %s", char, &b)
		}
	}
	if !bytes.Contains(b.Bytes(), []byte("ünïcode 漢字 <&>")) {
		t.Errorf("what can be seen is escaped: %s", &b)
	}
	var out map[string]string
	if err := json.Unmarshal(b.Bytes(), &out); err != nil || out["name"] != hostile || out[hostile] != "x" {
		t.Errorf("%v: %q", err, out)
	}
}
