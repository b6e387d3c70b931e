//go:build unix

package main_test

import (
	"slices"
	"strings"
	"testing"
)

func TestProgramNamesItsCommands(t *testing.T) {
	help := vw(t, nil, "help")
	if code := help.ended(t, patience); code != 0 || help.err.String() != "" {
		t.Errorf("help: code %d, %s", code, &help.err)
	}
	for line := range strings.Lines(help.out.String()) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "vw" || !strings.HasPrefix(line, "  ") || slices.Contains([]string{"help", "version"}, words[1]) {
			continue
		}
		flags := vw(t, nil, "help", words[1])
		if code := flags.ended(t, patience); code != 0 || !strings.Contains(strings.ToLower(flags.out.String()), "usage: vw "+words[1]) {
			t.Errorf("help %s: code %d\n%s%s", words[1], code, &flags.out, &flags.err)
		}
	}
	bare := vw(t, nil)
	if code := bare.ended(t, patience); code != 2 || bare.err.String() != help.out.String() {
		t.Errorf("without arguments: code %d\n%s", code, &bare.err)
	}
	version := vw(t, nil, "version")
	if code := version.ended(t, patience); code != 0 || !strings.HasPrefix(version.out.String(), "vw ") {
		t.Errorf("version: code %d, %s", code, &version.out)
	}
}

func TestUnknownCommandIsOneLine(t *testing.T) {
	p := vw(t, nil, "frobnicate")
	if code := p.ended(t, patience); code != 2 || p.out.String() != "" {
		t.Errorf("code %d, %s", code, &p.out)
	}
	oneLine(t, p.err.String(), "vw", `"frobnicate": `, "vw help")
}

func TestMisspeltCommandIsToldWhichIsMeant(t *testing.T) {
	for _, args := range [][]string{{"stauts"}, {"help", "stat"}} {
		p := vw(t, nil, args...)
		if code := p.ended(t, patience); code != 2 || p.out.String() != "" {
			t.Errorf("%q: code %d, %s", args, code, &p.out)
		}
		oneLine(t, p.err.String(), "vw", "(did you mean status?)")
	}
}
