package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"vw/agent"
	"vw/cmd/vw/cli"
)

func TestFleetOfABroker(t *testing.T) {
	t.Parallel()
	url := broker(t)
	list := ""
	for _, name := range []string{"lab1", "lab2"} {
		running(t, agent.Config{API: url, Name: name})
		list += name + " " + url + "\n"
	}
	list = write(t, "fleet.txt", list+"dead "+url+"#dead\n")
	var code int
	var out, complaint string
	for deadline := time.Now().Add(20 * time.Second); ; {
		code, out, complaint = fleets(t.Context(), "--agents", list, "--timeout", "2s")
		if strings.HasPrefix(out, "2 of 3 agents are there") || time.Now().After(deadline) {
			break
		}
	}
	for name, want := range map[string]string{
		"lab1": `for \d+ s +[0-9a-f]{12} `, "lab2": `for \d+ s +[0-9a-f]{12} `,
		"dead": `NEVER SEEN +no answer within 2s: the link is up, but no agent of this name answers on it`,
	} {
		if code != cli.Failed || !regexp.MustCompile(`(?m)^`+name+` +`+want).MatchString(out) {
			t.Errorf("code %d, %s is not told as %s:\n%s%s", code, name, want, out, complaint)
		}
	}
	rules := write(t, "rules.json", `{"rules":{"streams":{"both":["{name}","mic"]},"destinations":{}}}`)
	code, out, complaint = fleets(t.Context(), "apply", "--agents", list, "--skip", "--settle", "100ms", "--timeout", "2s", rules)
	if code != cli.Failed || !strings.Contains(out, "2 of 3 have the rules") {
		t.Errorf("code %d\n%s%s", code, out, complaint)
	}
	for _, name := range []string{"lab1", "lab2"} {
		code, out, complaint := sent(t.Context(), nil, "--to", url+"#"+name, `{"verb":"list","what":"stream","which":"all"}`)
		if want := fmt.Sprintf(`{"both":[%q,"mic"]}`, name); code != cli.OK || strings.TrimSpace(out) != want {
			t.Errorf("%s: code %d, %s%s, want %s", name, code, out, complaint, want)
		}
	}
}

func TestFleetHearsFromABrokerThatAnAgentComesAndGoes(t *testing.T) {
	t.Parallel()
	url := broker(t)
	_, end := running(t, agent.Config{API: url, Name: "lab1"})
	l := watch(t, "--agents", write(t, "fleet.txt", "lab1 "+url+"\n"), "--watch", "--every", "1h")
	l.until(t, `lab1: there; `)
	end()
	l.until(t, `lab1: NOT there; rules \w+; it was stopped on its machine`)
	running(t, agent.Config{API: url, Name: "lab1"})
	l.until(t, `lab1: there; `)
}
