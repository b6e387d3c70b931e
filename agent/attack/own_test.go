package attack_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"vw/agent"
)

// spellings are hosts that lead to this machine, by whatever resolves them.
// Those that only some resolver knows are left out where a question to it could
// leave the machine.
func spellings() []string {
	all := []string{
		"127.0.0.1", "localhost", "LOCALHOST", "LocalHost", "localhost.", "[::1]", "[0:0:0:0:0:0:0:1]", "[::0001]",
		"[::ffff:127.0.0.1]", "[::FFFF:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "127.0.0.2", "127.255.255.254",
		"0.0.0.0", "[::]", "[::ffff:0.0.0.0]", "[::1%25lo]", "[::%25lo]", "[::1%25x.relay.example]", "[::ffff:127.0.0.1%25lo]",
	}
	if isolated {
		all = append(all, "127.1", "127.0.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "127.000.000.001", "0",
			"localhost.localdomain", "ip6-localhost", "ip6-loopback", "a.localhost", "localhost..", "%31%32%37.0.0.1", "%6cocalhost", "ⓛocalhost", "127。0。0。1")
		if host, err := os.Hostname(); err == nil {
			all = append(all, host)
		}
	}
	return all
}

// linksTo lists the connections of a port on this machine, past ones too.
func linksTo(t testing.TB, port string) (links []string) {
	t.Helper()
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	hex := fmt.Sprintf(":%04X", n)
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile("/proc/self/net/" + table)
		if err != nil {
			continue // not Linux, or no IPv6: the agent's own word is left
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 3 && f[3] != "0A" && (strings.HasSuffix(f[1], hex) || strings.HasSuffix(f[2], hex)) {
				links = append(links, strings.Join(f[1:4], " "))
			}
		}
	}
	return links
}

// The agent's listeners take its own machine's word for the owner's, so that an
// agent which dials itself is its own owner.
func TestAgentNeverDialsItsOwnListeners(t *testing.T) {
	names := make(chan string, 1) // what the access relay names next
	access := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		to := <-names
		names <- to
		fmt.Fprintf(w, `{"uri":%q}`, to)
	}))
	defer access.Close()
	names <- ""
	v := start(t, agent.Config{AllowPlaintext: true, Trial: time.Second})
	tried := 0
	for i, host := range spellings() {
		at := host + ":" + v.port()
		<-names
		names <- "ws://" + at + "/ws/ring?code=1"
		rules := []rule{
			{ID: fmt.Sprint("rule", i), Stream: "ring", Destination: "ws://" + at + "/ws/ring"},
			{ID: fmt.Sprint("told", i), Stream: "ring", Destination: "ws://" + at + "/ws/api", Token: `{"verb":"add","what":"stream","rule":{"stream":"owned","feeds":[]}}`, Auth: "message"},
			{ID: fmt.Sprint("post", i), Stream: "ring", Destination: "http://" + at + "/api/lock", Token: "x"},
			{ID: fmt.Sprint("named", i), Stream: "ring", Destination: access.URL + "/x", Token: "x"},
			{ID: "apiRule", Stream: "api", Destination: "ws://" + at + "/ws/api"},
		}
		for _, r := range rules {
			if refused(v.add(r)) || r.ID == "apiRule" {
				continue
			}
			tried++
			eventually(t, r.ID+" "+host+" was tried", func() bool {
				d := v.status().Destinations[r.ID]
				if d.State == "up" {
					t.Fatalf("%s %s is up: the agent is its own client", r.ID, r.Destination)
				}
				return d.LastError != ""
			})
			v.ask(`{"verb":"delete","what":"destination","which":"` + r.ID + `"}`)
		}
		if links := linksTo(t, v.port()); len(links) > 0 {
			t.Errorf("the agent was dialled by itself as %s: %q", host, links)
			break
		}
	}
	t.Logf("%d of %d rules were taken and led nowhere", tried, 4*len(spellings()))
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]"} { // not for its owner either
		r := rule{ID: "own", Stream: "ring", Destination: "ws://" + host + ":" + v.port() + "/ws/ring"}
		if status, _ := v.request(http.MethodPost, "/api/destinations", jsonOf(r)); status != http.StatusOK {
			continue
		}
		v.settled("own")
		if d := v.status().Destinations["own"]; d.State == "up" {
			t.Errorf("the owner's rule for %s is up", host)
		}
	}
	if got := v.ask(`{"verb":"list","what":"stream","which":"owned"}`); got != `{"feeds":null}` {
		t.Errorf("a command to itself was done: %s", got)
	}
	if text := v.log.String(); strings.Contains(text, "owned") {
		t.Error("a command to itself was logged")
	}
}
