package agent_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"vw/agent"
	"vw/testrelay"
)

func TestMetricsArePrometheusAndEachIsInTheManual(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	const name = "of\ttabs, \"quotes\" and \\"
	a := start(t, relay, agent.Config{Name: name, API: relay.URL() + "/bi/agent1"})
	c := orchestrate(t, relay, "agent1")
	c.route("0", "camera", relay.URL()+"/in/v")
	c.ask(`{"verb":"dance"}`)
	f := a.flow(t, "camera", 0x100, 5, 2*time.Millisecond)
	eventually(t, "packets leave", func() bool { return a.destination(t, "0").Queue.Sent > 20 })
	f.stop()
	resp, text := a.request(t, "GET", "/metrics", "")
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
		t.Errorf("Content-Type: %s", got)
	}
	text += "\n"
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "vw_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	manual, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	own := 0
	for name, family := range families {
		if family.GetType() == dto.MetricType_UNTYPED {
			t.Errorf("%s has no type", name)
		}
		if strings.HasPrefix(name, "vw_") {
			own++
			if !strings.Contains(string(manual), "`"+name+"`") {
				t.Errorf("%s is not in the manual", name)
			}
		}
	}
	if own < 20 || families["go_goroutines"] == nil || families["process_open_fds"] == nil {
		t.Errorf("%d families of our own, of %d", own, len(families))
	}
	value := func(name string) float64 {
		if families[name] == nil {
			t.Fatalf("there is no %s", name)
		}
		m := families[name].Metric[0]
		if m.Counter != nil {
			return m.Counter.GetValue()
		}
		return m.Gauge.GetValue()
	}
	if got := labels(families["vw_info"])["name"]; got != name {
		t.Errorf("the agent's name is %q", got)
	}
	s := a.destination(t, "0")
	if got := value("vw_destination_sent_packets_total"); got != float64(s.Queue.Sent) {
		t.Errorf("sent %v, status says %d", got, s.Queue.Sent)
	}
	if value("vw_control_up") != 1 || value("vw_feed_packets_total") != float64(f.count()) {
		t.Errorf("control up %v, packets %v of %d", value("vw_control_up"), value("vw_feed_packets_total"), f.count())
	}
	for _, m := range families["vw_commands_total"].Metric {
		if m.Label[0].GetValue() == "refused" && m.Label[1].GetValue() == "other" && m.Counter.GetValue() != 1 {
			t.Errorf("other commands: %v", m)
		}
	}
}

// labels are those of a family's first metric.
func labels(f *dto.MetricFamily) map[string]string {
	all := map[string]string{}
	for _, l := range f.GetMetric()[0].GetLabel() {
		all[l.GetName()] = l.GetValue()
	}
	return all
}
