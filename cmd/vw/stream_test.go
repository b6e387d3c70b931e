//go:build unix

package main_test

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"vw/agent/status"
	"vw/testrelay"
)

// stream starts vw stream on a free port, in dir, and returns when it runs.
func stream(t *testing.T, environ []string, args ...string) (p *process, url string) {
	t.Helper()
	port := freePort(t)
	p = vw(t, append([]string{"VW_PORT=" + port}, environ...), append([]string{"stream"}, args...)...)
	p.says(t, &p.err, `"msg":"started"`)
	return p, "http://127.0.0.1:" + port
}

func listenRelay(t *testing.T, c testrelay.Config) *testrelay.Server {
	t.Helper()
	s, err := testrelay.Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// get asks a running agent.
func get(t *testing.T, url string, answer any) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
}

func TestStreamEndsCleanlyWhenToldTo(t *testing.T) {
	for name, s := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "Ctrl-C": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			relay := listenRelay(t, testrelay.Config{})
			p, _ := stream(t, []string{"VW_API=" + relay.URL() + "/bi/x"})
			p.says(t, &p.err, `"msg":"link up"`)
			p.signal(s)
			if code := p.ended(t, prompt); code != 0 || p.out.String() != "" {
				t.Errorf("code %d\n%s%s", code, &p.out, &p.err)
			}
			if v := relay.Visits("/bi/x"); len(v) != 1 || v[0].CloseCode != 1000 {
				t.Errorf("the relay saw %+v, want close code 1000", v)
			}
		})
	}
}

func TestFlagWinsOverItsVariable(t *testing.T) {
	_, url := stream(t, []string{"VW_NAME=variable", "VW_MUTED=cam,mic", "VW_STATE="}, "--name", "flag")
	var s status.Status
	get(t, url+"/api/stats", &s)
	if s.Name != "flag" || strings.Join(s.Mutes, " ") != "cam mic" {
		t.Errorf("name %q, mutes %q", s.Name, s.Mutes)
	}
}

func TestAPINamesTheAgent(t *testing.T) {
	relay := listenRelay(t, testrelay.Config{})
	stream(t, []string{"VW_API=" + relay.URL() + "/bi/{name}/api", "VW_NAME=lab7"})
	if err := relay.AwaitClient(t.Context(), "/bi/lab7/api"); err != nil {
		t.Fatal(err)
	}
}

func TestLogLevelIsReadInAnyCaseAndByItsOldNames(t *testing.T) {
	for environ, started := range map[string]bool{"VW_LOG_LEVEL=INFO": true, "VW_LOGLEVEL=TRACE": true, "VW_LOGLEVEL=Warning": false, "VW_LOGLEVEL=PANIC": false} {
		t.Run(environ, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			p := vw(t, []string{environ, "VW_PORT=" + port}, "stream")
			eventually(t, "it listens", func() bool {
				c, err := net.Dial("tcp", "127.0.0.1:"+port)
				if err == nil {
					c.Close()
				}
				return err == nil
			})
			p.signal(syscall.SIGTERM)
			if code := p.ended(t, prompt); code != 0 {
				t.Errorf("code %d", code)
			}
			if got := strings.Contains(p.err.String(), "started"); got != started {
				t.Errorf("it logged\n%s", &p.err)
			}
		})
	}
}

func TestVariablesWithoutMeaningAreTold(t *testing.T) {
	p, _ := stream(t, []string{"VW_PROT=9999", "VW_HTTPWAITMS=5000", "VW_MUXBUFFERLENGTH=10", "VW_CPUPROFILE="})
	p.signal(syscall.SIGTERM)
	p.ended(t, prompt)
	var warned, retired []string
	for line := range strings.Lines(p.err.String()) {
		switch {
		case strings.Contains(line, `"WARN"`):
			warned = append(warned, line)
		case strings.Contains(line, "first vw"):
			retired = append(retired, line)
		}
	}
	if len(warned) != 1 || !strings.Contains(warned[0], `"VW_PROT","didYouMean":"VW_PORT"`) {
		t.Errorf("warnings %q, want one about VW_PROT, and that VW_PORT may be meant", warned)
	}
	if len(retired) != 1 || !strings.Contains(retired[0], `"VW_HTTPWAITMS VW_MUXBUFFERLENGTH"`) {
		t.Errorf("of the retired %q is told, want one line about two", retired)
	}
}

func TestPortThatIsTakenIsSaidSo(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		taken, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("no %s here: %v", address, err)
			continue
		}
		defer taken.Close()
		_, port, _ := net.SplitHostPort(taken.Addr().String())
		p := vw(t, []string{"VW_PORT=" + port}, "stream")
		if code := p.ended(t, patience); code != 1 || p.out.String() != "" {
			t.Errorf("code %d, %s", code, &p.out)
		}
		oneLine(t, p.err.String(), "vw stream", "port "+port, "VW_PORT", "in use")
	}
}

func TestTokenIsInNothingThatIsPrinted(t *testing.T) {
	relay := listenRelay(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: secret})
	wrong := listenRelay(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: "another"})
	p, url := stream(t, []string{"VW_API=" + relay.URL() + "/bi/x?code=" + secret, "VW_API_TOKEN=" + secret, "VW_LOG_LEVEL=debug"})
	if err := relay.AwaitClient(t.Context(), "/bi/x"); err != nil {
		t.Fatal(err)
	}
	rule := `{"id":"0","stream":"v","destination":"` + wrong.URL() + `/in/v?code=` + secret + `","token":"` + secret + `"}`
	resp, err := http.Post(url+"/api/destinations", "application/json", strings.NewReader(rule))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(err, resp)
	}
	resp.Body.Close()
	p.says(t, &p.err, "refused the token")
	p.signal(syscall.SIGTERM)
	if code := p.ended(t, prompt); code != 0 {
		t.Errorf("code %d", code)
	}
	if all := p.out.String() + p.err.String(); strings.Contains(all, secret) {
		t.Errorf("the token is in\n%s", all)
	}
}
