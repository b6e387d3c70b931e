//go:build unix

package main_test

import (
	"cmp"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestManualsTellEverySettingOfTheProgram(t *testing.T) {
	p := vw(t, nil, "stream", "--help")
	p.ended(t, patience)
	help := strings.Join(strings.Fields(p.out.String()), " ")
	defaults := map[string]string{} // by variable and flag
	flags := regexp.MustCompile(`(--[a-z-]+)( [A-Z]+)? \[(VW_[A-Z_]+)\] `)
	at := flags.FindAllStringSubmatchIndex(help, -1)
	for i, f := range at {
		end := len(help)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		d := regexp.MustCompile(`\(default:? "?([^")]*)"?\)`).FindStringSubmatch(help[f[1]:end])
		defaults[help[f[6]:f[7]]+" "+help[f[2]:f[3]]] = strings.Replace(cmp.Or(append(d, "", "")[1], "none"), "5m0s", "5m", 1)
	}
	if len(defaults) < 10 {
		t.Fatalf("the help names %d settings:\n%s", len(defaults), help)
	}
	for _, line := range table(t, document(t, manuals...), "variable", "flag", "default", "meaning") {
		want, known := defaults[line[0]+" "+line[1]]
		if !known {
			t.Errorf("the program does not know %s with %s", line[0], line[1])
		}
		if strings.Trim(line[2], "`") != want && !(want == "none" && line[2] == "false") {
			t.Errorf("%s: the default is %q, the manual says %q", line[0], want, line[2])
		}
		delete(defaults, line[0]+" "+line[1])
	}
	for setting := range defaults {
		t.Errorf("no manual tells of %s", setting)
	}
}

func TestManualsTellEveryCommandOfTheProgram(t *testing.T) {
	p := vw(t, nil, "help")
	p.ended(t, patience)
	told := ""
	for _, line := range table(t, document(t, manuals...), "command", "what it does") {
		if strings.Contains(told, line[0]) {
			t.Errorf("the manuals tell of %s twice", line[0])
		}
		told += line[0] + " "
	}
	for _, command := range regexp.MustCompile(`\bvw [a-z]+`).FindAllString(p.out.String(), -1) {
		if words := strings.Fields(command); words[1] != "forwards" && !strings.Contains(told, command) {
			t.Errorf("no manual tells of %s", command)
		}
	}
}

func TestManualsExplainMessagesThatThereAre(t *testing.T) {
	var source []byte
	for _, pattern := range []string{"*.go", "../../agent/*.go", "../../agent/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, name := range files {
			if !strings.HasSuffix(name, "_test.go") {
				source = append(source, document(t, name)...)
			}
		}
	}
	for _, line := range table(t, document(t, manuals...), "message", "what it means") {
		for _, message := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch("`"+strings.Trim(line[0], "`")+"`", -1) {
			quoted, _ := json.Marshal(message[1])
			if !regexp.MustCompile(`\.(Info|Warn|Error)\(` + regexp.QuoteMeta(string(quoted))).Match(source) {
				t.Errorf("nothing logs %s", quoted)
			}
		}
	}
}
