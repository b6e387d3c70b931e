//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"vw/cmd/vw/cli"
	"vw/testrelay"
)

// promtool judges with Prometheus' own tool.
func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	tool := exec.CommandContext(t.Context(), "promtool", args...)
	tool.Stdin = strings.NewReader(stdin)
	if said, err := tool.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", args, err, said)
	}
}

func TestFleetsAlertRulesAreSound(t *testing.T) {
	t.Parallel()
	promtool(t, "", "check", "rules", "--lint=all", "--lint-fatal", "fleet/alerts.yml")
	promtool(t, "", "test", "rules", "fleet/alerts_test.yml")
	for _, alert := range alerts(t) {
		if tests, err := os.ReadFile("fleet/alerts_test.yml"); err != nil || !regexp.MustCompile(`alertname: `+alert+`\n +exp_alerts:`).Match(tests) {
			t.Errorf("%s is seen to fire by no test: %v", alert, err)
		}
	}
}

// alerts are the names of those that there are.
func alerts(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile("fleet/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`- alert: (\w+)`).FindAllSubmatch(text, -1) {
		names = append(names, string(name[1]))
	}
	if len(names) < 5 {
		t.Fatal(names)
	}
	return names
}

// A prometheus is a real one, which scrapes vw fleet every second.
type prometheus struct{ url string }

func runPrometheus(t *testing.T, target string) prometheus {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile("fleet/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	impatient := regexp.MustCompile(`for: \w+`).ReplaceAll(text, []byte("for: 1s"))
	config := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [alerts.yml]\n"+
		"scrape_configs: [{job_name: vw, static_configs: [{targets: ['localhost:%s']}]}]\n", target)
	for name, text := range map[string][]byte{"alerts.yml": impatient, "prometheus.yml": []byte(config)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port := unusedPort(t)
	server := exec.Command("prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:"+port, "--log.level=error")
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		if err := server.Wait(); err != nil || t.Failed() {
			t.Logf("prometheus: %v\n%s", err, &log)
		}
	})
	return prometheus{"http://127.0.0.1:" + port}
}

// ask asks it something; a server that is not there yet answers nothing.
func (p prometheus) ask(t *testing.T, path string, answer any) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(answer) == nil
}

// firing are the alerts that fire, with the agents that they are of.
func (p prometheus) firing(t *testing.T) (list []string) {
	t.Helper()
	var answer struct {
		Data struct {
			Alerts []struct {
				State  string
				Labels map[string]string
			}
		}
	}
	p.ask(t, "/api/v1/alerts", &answer)
	for _, a := range answer.Data.Alerts {
		if a.State == "firing" {
			list = append(list, a.Labels["alertname"]+" "+a.Labels["agent"])
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// until waits until just these alerts fire.
func (p prometheus) until(t *testing.T, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	for {
		got := p.firing(t)
		if slices.Equal(got, want) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%q fire, not %q", got, want)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// A Prometheus takes what vw fleet tells of agents that it cannot reach itself, and
// its alerts fire and end; the dashboard asks for what there is.
func TestPrometheusWatchesTheFleet(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	well := crew(t, []string{"lab1"}, func(int) *testrelay.Server { return r })[0]
	_, end := listener(t, r, "/bi/lab2", "lab2")
	rules := write(t, "none.json", `{"streams":{},"destinations":{}}`)
	port := unusedPort(t)
	l := watch(t, "--agents", listOf(t, r, "lab1", "lab2"), "--metrics-port", port, "--every", "1s", "--timeout", "1s", "--rules", rules)
	l.until(t, "lab[12]: there")
	l.until(t, "lab[12]: there")
	promtool(t, scrape(t, port), "check", "metrics")
	p := runPrometheus(t, port)
	p.until(t)
	rest(t, well, http.MethodPost, "/api/destinations", `{"id":"0","stream":"mic","destination":"`+r.URL()+`/in/x"}`)
	end()
	p.until(t, "VwAgentGone lab2", "VwNotOnAir lab1", "VwOtherRules lab1", "VwSomethingWrong lab1")
	p.dashboard(t)
	if code, out, complaint := fleets(t.Context(), "apply", "--agents", listOf(t, r, "lab1"), "--settle", "0s", rules); code != cli.OK {
		t.Fatal(out, complaint)
	}
	p.until(t, "VwAgentGone lab2")
	r.Drop("/")
	r.Close()
	p.until(t, "VwRelayGone lab1", "VwRelayGone lab2")
}

// dashboard holds that each question of the dashboard is one, and asks for what
// there is.
func (p prometheus) dashboard(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("fleet/dashboard.json")
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err == nil {
		err = json.Unmarshal(text, &board)
	}
	if err != nil || len(board.Panels) < 8 {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\bvw_\w+`)
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			expr := strings.NewReplacer("$agent", ".*", "$__rate_interval", "10s").Replace(target.Expr)
			var answer struct{ Status, Error string }
			if p.ask(t, "/api/v1/query?query="+url.QueryEscape(expr), &answer); answer.Status != "success" {
				t.Errorf("%s: %s: %s", panel.Title, expr, answer.Error)
			}
			for _, name := range named.FindAllString(expr, -1) {
				var known struct{ Data []any }
				if p.ask(t, "/api/v1/series?match[]="+url.QueryEscape(name), &known); len(known.Data) == 0 && name != "vw_" {
					t.Errorf("%s asks for %s, which nobody tells", panel.Title, name)
				}
			}
		}
	}
}
