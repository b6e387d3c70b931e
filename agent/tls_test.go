package agent_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"vw/agent"
	"vw/testrelay"
)

func TestTLSRelayIsTakenOnlyWithACertificateThatHolds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tls             testrelay.TLS
		withCA, withOwn bool
		down            string // the words of the log, "" for a link that comes up
	}{
		"trusted":                          {testrelay.TLS{}, true, false, ""},
		"not trusted":                      {testrelay.TLS{}, false, false, "unknown authority"},
		"expired":                          {testrelay.TLS{Expired: true}, true, false, "certificate ended on"},
		"of another host":                  {testrelay.TLS{WrongHost: true}, true, false, "certificate"},
		"TLS 1.0":                          {testrelay.TLS{MaxVersion: tls.VersionTLS10}, true, false, "version"},
		"TLS 1.1":                          {testrelay.TLS{MaxVersion: tls.VersionTLS11}, true, false, "version"},
		"TLS 1.2":                          {testrelay.TLS{MaxVersion: tls.VersionTLS12}, true, false, ""},
		"client certificate given":         {testrelay.TLS{ClientCert: true}, true, true, ""},
		"client certificate missing":       {testrelay.TLS{ClientCert: true}, true, false, "certificate required"},
		"client certificate missing, 1.2":  {testrelay.TLS{ClientCert: true, MaxVersion: tls.VersionTLS12}, true, false, "remote error: tls"},
		"client certificate and TLS 1.2":   {testrelay.TLS{ClientCert: true, MaxVersion: tls.VersionTLS12}, true, true, ""},
		"client certificate not asked for": {testrelay.TLS{}, true, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain := listen(t, testrelay.Config{})
			relay := listen(t, testrelay.Config{TLS: &c.tls, Auth: testrelay.BearerAuth, Token: canary})
			config := agent.Config{}
			if c.withCA {
				config.CAFile = writeFile(t, "ca.pem", relay.CA())
			}
			if c.withOwn {
				cert, key := relay.ClientPair()
				config.CertFile, config.KeyFile = writeFile(t, "cert.pem", cert), writeFile(t, "key.pem", key)
			}
			a := start(t, plain, config)
			channel := orchestrate(t, plain, "agent1")
			channel.guarded("0", "video0", relay.URL()+"/in/video0", canary, "")
			if c.down != "" {
				a.log.await(t, "link down", `"id":"0"`, c.down)
				if v := relay.Visits("/in/video0"); len(v) != 0 {
					t.Errorf("the token went to a relay that is not trusted: %+v", v)
				}
			} else {
				viewer := view(t, relay, "video0")
				viewer.carries(a, "video0")
				p := a.post(t, "video0")
				p.write(numbered(1, 0, 100))
				p.end()
				viewer.packet(1, 99)
				consecutive(t, "the relay", numbers(t, 1, viewer.got), 0, 100)
			}
			noCanary(t, a, channel)
		})
	}
}

func TestAccessRelayIsAskedOverTLSToo(t *testing.T) {
	t.Parallel()
	plain := listen(t, testrelay.Config{})
	relay := listen(t, testrelay.Config{TLS: &testrelay.TLS{}, Auth: testrelay.AccessAuth, Token: canary})
	a := start(t, plain, agent.Config{CAFile: writeFile(t, "ca.pem", relay.CA())})
	channel := orchestrate(t, plain, "agent1")
	channel.guarded("0", "video0", strings.Replace(relay.URL(), "wss", "https", 1)+"/in/video0", canary, "")
	view(t, relay, "video0").carries(a, "video0")
	noCanary(t, a, channel)
}

func TestFilesOfCertificatesThatCannotBeReadStopTheStart(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{TLS: &testrelay.TLS{}})
	cert, key := relay.ClientPair()
	for name, c := range map[string]agent.Config{
		"no such CA file":  {CAFile: "/nonexistent/ca.pem"},
		"no PEM":           {CAFile: writeFile(t, "ca.pem", []byte("no PEM"))},
		"no key":           {CertFile: writeFile(t, "cert.pem", cert)},
		"no certificate":   {KeyFile: writeFile(t, "key.pem", key)},
		"two certificates": {CertFile: writeFile(t, "cert.pem", cert), KeyFile: writeFile(t, "key.pem", cert)},
	} {
		c.Name = "x"
		if _, err := agent.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
