package agent_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vw/agent"
	"vw/agent/status"
	"vw/testrelay"
)

// atBroker starts an agent whose command channel is a broker's, and waits for it.
func atBroker(t testing.TB, m *mosquitto, c agent.Config) *running {
	t.Helper()
	if c.API == "" {
		c.API = m.url()
	}
	a := start(t, nil, c)
	a.log.await(t, `"link up"`, `"apiRule"`)
	return a
}

func TestABrokersCommandIsAnsweredWhereAndAsItAsks(t *testing.T) {
	t.Parallel()
	m := broker(t)
	atBroker(t, m, agent.Config{Name: "lab1"})
	o := m.operator()
	o.want("lab1", `{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
	o.want("lab1", `{"verb":"add","what":"stream","ref":"7","rule":{"stream":"lab","feeds":["a","b"]}}`,
		`{"ref":"7","from":"lab1","reply":{"stream":"lab","feeds":["a","b"]}}`)
	correlation := o.send("vw/lab1/command", `{"verb":"list","what":"stream","which":"lab"} nonsense`)
	for i, want := range []string{`{"feeds":["a","b"]}`, `{"error":"Unrecognised Command"}`} {
		p := o.next("vw/reply/operator")
		if !sameReply(string(p.Payload), want) || string(p.Properties.CorrelationData) != correlation {
			t.Errorf("answer %d: %s", i, p.Payload)
		}
	}
	o.publish("vw/lab1/command", `{"verb":"delete","what":"stream","which":"lab"}`, false) // nobody awaits an answer
	o.want("lab1", `{"verb":"list","what":"stream","which":"lab"}`, `{"feeds":null}`)
}

func TestAllAgentsOfABrokerAreCommandedAtOnce(t *testing.T) {
	t.Parallel()
	m := broker(t)
	for _, name := range []string{"lab1", "lab2", "shed3"} {
		atBroker(t, m, agent.Config{Name: name})
	}
	o := m.operator()
	correlation := o.send("vw/all/command", `{"verb":"healthcheck","to":"lab*"}`)
	var from []string
	for range 2 {
		p := o.next("vw/reply/operator")
		var a struct{ From string }
		decode(t, string(p.Payload), &a)
		from = append(from, a.From)
		if string(p.Properties.CorrelationData) != correlation {
			t.Errorf("correlation data %q", p.Properties.CorrelationData)
		}
	}
	slices.Sort(from)
	if !slices.Equal(from, []string{"lab1", "lab2"}) {
		t.Errorf("answers came from %v", from)
	}
}

// A command that the broker kept from another day is not done again at each
// connection, and answers go to nobody's commands or rules.
func TestABrokerCannotHaveOldCommandsDoneOrAnswersTakenForRules(t *testing.T) {
	t.Parallel()
	m := broker(t)
	o := m.operator()
	o.publish("vw/lab1/command", `{"verb":"add","what":"stream","rule":{"stream":"old","feeds":[]}}`, true)
	o.subscribe("vw/lab1/rules")
	a := atBroker(t, m, agent.Config{Name: "lab1"})
	o.want("lab1", `{"verb":"list","what":"stream","which":"all"}`, `{}`)
	for _, topic := range []string{"vw/lab1/rules", "vw/lab1/command", "vw/lab1/status", "vw/+/rules", "#"} {
		o.sendFor(topic, "vw/lab1/command", `{"verb":"healthcheck"}`)
	}
	a.log.await(t, "reply not sent", "response topic")
	o.want("lab1", `{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
	if n := len(a.log.lines(`"link up"`)); n != 1 {
		t.Errorf("the link came up %d times", n)
	}
}

func TestABrokerKeepsHowAnAgentStands(t *testing.T) {
	t.Parallel()
	m := broker(t)
	a := atBroker(t, m, agent.Config{Name: "lab1", Muted: []string{"mic"}})
	o := m.operator()
	o.subscribe("vw/lab1/status")
	hello := o.status("lab1")
	if hello.Event != status.Hello || hello.Name != "lab1" || !slices.Equal(hello.Muted, []string{"mic"}) {
		t.Errorf("kept: %+v", hello)
	}
	o.want("lab1", `{"verb":"add","what":"stream","rule":{"stream":"lab","feeds":["a"]}}`, `{"stream":"lab","feeds":["a"]}`)
	o.want("lab1", `{"verb":"add","what":"destination","rule":{"id":"0","stream":"lab","destination":"ws://127.0.0.1:9/in/x"}}`,
		`{"id":"0","stream":"lab","destination":"ws://127.0.0.1:9/in/x"}`)
	o.want("lab1", `{"verb":"add","what":"watch"}`, `{"watch":"1m0s"}`)
	o.awaitStatus("lab1", func(p status.Presence) bool { return p.Event == status.Change && p.Destinations["0"] != nil })
	a.request(t, "PUT", "/api/mutes/cam", "")
	change := o.awaitStatus("lab1", func(p status.Presence) bool { return slices.Contains(p.Muted, "cam") })
	if change.Destinations["0"] == nil { // what is kept is all there is
		t.Errorf("a change alone is kept: %+v", change)
	}
	late := m.operator()
	late.subscribe("vw/+/status")
	if p := late.status("lab1"); !slices.Contains(p.Muted, "cam") {
		t.Errorf("who comes late is told %+v", p)
	}
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	bye := o.awaitStatus("lab1", func(p status.Presence) bool { return p.Event != status.Change && p.Event != status.Heartbeat })
	if bye.Event != status.Bye || bye.Instance != hello.Instance {
		t.Errorf("at the end: %+v", bye)
	}
}

// Nothing of it runs where the channel is a relay's.
func TestWithoutABrokerNothingOfMQTTRuns(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	if all := stacks(); strings.Contains(all, "paho") || strings.Contains(all, "link/mqtt") {
		t.Errorf("it runs:\n%s", all)
	}
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	m := broker(t)
	atBroker(t, m, agent.Config{})
	if !strings.Contains(stacks(), "paho") {
		t.Error("at a broker nothing of it runs either: this test shows nothing")
	}
}

// What a broker keeps at an agent's rules is its table, and no more than a command:
// the owner's word stands.
func TestTheRulesThatABrokerKeepsAreInForceAndLiftNoMuteOrLock(t *testing.T) {
	t.Parallel()
	m := broker(t)
	o := m.operator()
	o.publish("vw/lab1/rules", `{"streams":{"lab":["mic","cam"]},"destinations":{}}`, true)
	a := atBroker(t, m, agent.Config{Name: "lab1", Muted: []string{"mic"}})
	listed := func(want string) {
		t.Helper()
		eventually(t, "the rules are "+want, func() bool {
			return sameReply(o.ask("lab1", `{"verb":"list","what":"stream","which":"all"}`), want)
		})
	}
	listed(`{"lab":["mic","cam"]}`)
	if s := a.status(t); !slices.Equal(s.Mutes, []string{"mic"}) || s.Channel == nil {
		t.Errorf("muted is %v, the channel %+v", s.Mutes, s.Channel)
	}
	o.publish("vw/lab1/rules", `{"streams":{"other":["cam"]},"destinations":{}}`, true)
	listed(`{"other":["cam"]}`)
	for _, bad := range []string{
		`{"streams":{}}`, `nonsense`, `{"streams":{},"destinations":{}} {"verb":"delete","what":"stream","which":"all"}`,
		`{"streams":{},"destinations":{"apiRule":{"stream":"api","destination":"ws://127.0.0.1:9/x"}}}`,
	} {
		before := len(a.log.lines("rules that the broker keeps are not in force"))
		o.publish("vw/lab1/rules", bad, true)
		eventually(t, "it is refused: "+bad, func() bool {
			return len(a.log.lines("rules that the broker keeps are not in force")) == before+1
		})
	}
	listed(`{"other":["cam"]}`)
	a.request(t, "PUT", "/api/lock", "")
	o.publish("vw/lab1/rules", `{"streams":{},"destinations":{}}`, true)
	a.log.await(t, "rules that the broker keeps are not in force", "locked by the owner")
	listed(`{"other":["cam"]}`)
	o.publish("vw/lab1/rules", "", true) // none are wanted any more
	a.request(t, "DELETE", "/api/lock", "")
	listed(`{"other":["cam"]}`)
}

// An agent that is killed, or whose network is, is said to be gone within one and a
// half times the time that a broker waits for a sign of life.
func TestABrokerSaysWhenAnAgentIsGoneAndBack(t *testing.T) {
	t.Parallel()
	m := broker(t)
	between := newCable(t, m.ws)
	const ping = 500 * time.Millisecond // the broker waits for 2 of them, 1.5 times
	a := atBroker(t, m, agent.Config{Name: "lab1", API: "ws+mqtt://" + between.addr + "/mqtt", PingInterval: ping})
	o := m.operator()
	o.subscribe("vw/lab1/status")
	if p := o.status("lab1"); p.Event != status.Hello {
		t.Fatalf("kept: %+v", p)
	}
	between.cut()
	begun := time.Now()
	gone := o.status("lab1")
	if after := time.Since(begun); gone.Event != status.Gone || after > 3*ping+6*time.Second { // mosquitto looks every 5 s
		t.Errorf("%s after %v", gone.Event, after)
	}
	if gone.Name != "lab1" || gone.Instance == "" || len(gone.Destinations)+len(gone.Feeds) > 0 {
		t.Errorf("gone: %+v", gone)
	}
	a.log.await(t, `"link down"`, "no ping")
	between.mend()
	if p := o.status("lab1"); p.Event != status.Hello || p.Instance != gone.Instance {
		t.Errorf("back: %+v", p)
	}
	o.want("lab1", `{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
}

// What an earlier link's end has told of an agent that is there is put right.
func TestAnAgentThatIsThereIsNotSaidToBeGone(t *testing.T) {
	t.Parallel()
	m := broker(t)
	atBroker(t, m, agent.Config{Name: "lab1"})
	o := m.operator()
	o.subscribe("vw/lab1/status")
	hello := o.status("lab1")
	o.publish("vw/lab1/status", `{"status":{"name":"lab1","event":"gone"}}`, true)
	if p := o.status("lab1"); p.Event != status.Gone {
		t.Fatalf("it is told %+v", p)
	}
	if p := o.status("lab1"); p.Event != status.Heartbeat || p.Instance != hello.Instance {
		t.Errorf("it is told %+v", p)
	}
}

func TestAgentsComeBackToABrokerThatWasKilled(t *testing.T) {
	t.Parallel()
	m := broker(t)
	a := atBroker(t, m, agent.Config{Name: "lab1"})
	m.kill()
	a.log.await(t, `"link down"`)
	m.start()
	eventually(t, "the link is up again", func() bool { return len(a.log.lines(`"link up"`)) == 2 })
	o := m.operator()
	o.subscribe("vw/lab1/status")
	if p := o.status("lab1"); p.Event != status.Hello {
		t.Errorf("it is told %+v", p)
	}
	o.want("lab1", `{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
}

// Users and their topics, as the manual has them.
func accessList(t testing.TB) string {
	return writeFile(t, "acl", []byte("pattern readwrite vw/%u/#\npattern read vw/all/command\npattern write vw/reply/#\n\nuser operator\ntopic readwrite vw/#\n"))
}

func TestABrokerLetsInWhoHasTheTokenAndToItsOwnTopicsAlone(t *testing.T) {
	t.Parallel()
	m := broker(t, "password_file "+passwords(t, map[string]string{"lab1": "canary 1", "lab2": "canary 2", "operator": "operators canary"}), "acl_file "+accessList(t))
	wrong := start(t, nil, agent.Config{Name: "lab1", API: m.url(), APIToken: "a wrong canary"})
	wrong.log.await(t, `"link down"`, "refused the user name or the token")
	if s := wrong.status(t); s.Channel.ErrorCode != "token_refused" || s.Channel.State == "up" {
		t.Errorf("with a wrong token: %+v", s.Channel)
	}
	none := start(t, nil, agent.Config{Name: "lab1", API: m.url()})
	none.log.await(t, `"link down"`, "wants a token")
	file := writeFile(t, "token", []byte("canary 1\n"))
	atBroker(t, m, agent.Config{Name: "lab1", APITokenFile: file})
	another := strings.Replace(m.url(), "//", "//lab2@", 1)
	atBroker(t, m, agent.Config{Name: "lab2", API: another, APIToken: "canary 2"})
	o := m.operator()
	o.subscribe("vw/lab1/status")
	o.status("lab1")
	o.subscribe("vw/lab2/status")
	o.status("lab2")
	o.want("lab1", `{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
	o.want("lab2", `{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
	o.subscribe("vw/lab2/rules")
	o.sendFor("vw/lab2/rules", "vw/lab1/command", `{"verb":"healthcheck"}`) // not lab1's to write to
	o.want("lab1", `{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
	for len(o.in) > 0 {
		if p := <-o.in; p.Topic == "vw/lab2/rules" {
			t.Errorf("lab1 has written to it: %s", p.Payload)
		}
	}
}

// Nothing moves on a cable that is cut, and nobody is told: a link through it is half
// open.
type cable struct {
	addr string

	mu    sync.Mutex
	whole chan struct{} // closed while it is
}

func newCable(t testing.TB, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{addr: l.Addr().String(), whole: make(chan struct{})}
	close(c.whole)
	ctx, end := context.WithCancel(context.Background())
	var all sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		end()
		all.Wait()
	})
	carry := func(to, from net.Conn) {
		defer to.Close()
		defer context.AfterFunc(ctx, func() { from.Close() })()
		b := make([]byte, 4096)
		for {
			n, err := from.Read(b)
			c.mu.Lock()
			whole := c.whole
			c.mu.Unlock()
			select {
			case <-whole:
			case <-ctx.Done():
				return
			}
			if _, failed := to.Write(b[:n]); err != nil || failed != nil {
				return
			}
		}
	}
	all.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			all.Go(func() { carry(far, near) })
			all.Go(func() { carry(near, far) })
		}
	})
	return c
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.whole = make(chan struct{})
}

func (c *cable) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.whole)
}

// The trial of a new apiRule is the same between a relay and a broker, both ways.
func TestTheChannelMovesFromARelayToABrokerAndBack(t *testing.T) {
	t.Parallel()
	relay, m := listen(t, testrelay.Config{}), broker(t)
	a := start(t, relay, agent.Config{Name: "lab1", Trial: time.Minute})
	c, o := orchestrate(t, relay, "lab1"), m.operator()
	toBroker := `{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"` + m.url() + `"}}`
	if got := c.ask(toBroker); !strings.Contains(got, `"trial":"1m0s"`) {
		t.Fatalf("got %s", got)
	}
	o.subscribe("vw/lab1/status")
	o.status("lab1")
	c.want(healthcheck, `{"healthcheck":"ok"}`) // both are taken
	o.want("lab1", healthcheck, `{"healthcheck":"ok"}`)
	a.log.await(t, "command channel has moved")
	awaitVisits(t, relay, "/bi/lab1", func(v []testrelay.Visit) bool { return v[0].Gone })
	back := `{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"` + relay.URL() + `/bi/new"}}`
	if got := o.ask("lab1", back); !strings.Contains(got, `"trial":"1m0s"`) {
		t.Fatalf("got %s", got)
	}
	if err := relay.AwaitClient(patient(t), "/bi/new"); err != nil {
		t.Fatal(err)
	}
	o.want("lab1", healthcheck, `{"healthcheck":"ok"}`)
	orchestrate(t, relay, "new").want(healthcheck, `{"healthcheck":"ok"}`)
	if p := o.awaitStatus("lab1", func(p status.Presence) bool { return p.Event == status.Gone }); p.Name != "lab1" {
		t.Errorf("the broker is told %+v", p)
	}
}

// What a broker has kept from another day is no proof that somebody is there who
// commands.
func TestABrokerWhereNobodyCommandsIsTakenBack(t *testing.T) {
	t.Parallel()
	relay, m := listen(t, testrelay.Config{}), broker(t)
	a := start(t, relay, agent.Config{Name: "lab1", Trial: 2 * time.Second})
	m.operator().publish("vw/lab1/rules", `{"streams":{"kept":["a"]},"destinations":{}}`, true)
	c := orchestrate(t, relay, "lab1")
	c.ask(`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"` + m.url() + `"}}`)
	a.log.await(t, "rules replaced")
	a.log.await(t, "command channel stays")
	c.want(healthcheck, `{"healthcheck":"ok"}`)
}

const healthcheck = `{"verb":"healthcheck"}`

// A command that a broker brings twice, or after one that was sent later, does no
// harm: the table is what the last one that was done has made it, and each is answered.
func TestCommandsThatComeTwiceDoNoHarm(t *testing.T) {
	t.Parallel()
	m := broker(t)
	atBroker(t, m, agent.Config{Name: "lab1"})
	o := m.operator()
	table := func() string { return o.ask("lab1", `{"verb":"list","what":"rules"}`) }
	hash := func() string {
		var r struct{ Hash string }
		decode(t, table(), &r)
		return r.Hash
	}
	before := hash()
	for _, command := range []string{
		`{"verb":"add","what":"stream","rule":{"stream":"lab","feeds":["a"]}}`,
		`{"verb":"add","what":"destination","rule":{"id":"0","stream":"lab","destination":"ws://127.0.0.1:9/in/x"}}`,
		`{"verb":"add","what":"rules","if":"` + before + `","rule":{"streams":{"lab":["b"]},"destinations":{"0":{"stream":"lab","destination":"ws://127.0.0.1:9/in/x"}}}}`,
		`{"verb":"list","what":"status"}`, `{"verb":"list","what":"feed","which":"all"}`, healthcheck,
		`{"verb":"add","what":"watch","for":"1s"}`,
		`{"verb":"delete","what":"destination","which":"0"}`,
		`{"verb":"delete","what":"stream","which":"lab"}`,
		`{"verb":"delete","what":"destination","which":"all"}`,
		`{"verb":"delete","what":"stream","which":"all"}`,
	} {
		command = strings.Replace(command, before, hash(), 1)
		first := o.ask("lab1", command)
		once := table()
		second := o.ask("lab1", command)
		if strings.Contains(first+second, `"error"`) || table() != once {
			t.Errorf("%s\nanswered %s\nand then %s; the table was\n%s and is\n%s", command, first, second, once, table())
		}
	}
	// the first of two comes again after the second: with "if" it changes nothing
	old := `{"verb":"add","what":"rules","if":"` + hash() + `","rule":{"streams":{"old":["a"]},"destinations":{}}}`
	o.ask("lab1", old)
	o.ask("lab1", `{"verb":"add","what":"rules","rule":{"streams":{"new":["a"]},"destinations":{}}}`)
	if late := o.ask("lab1", old); !strings.Contains(late, `"error"`) {
		t.Errorf("a table that came late: %s", late)
	}
	o.want("lab1", `{"verb":"list","what":"stream","which":"all"}`, `{"new":["a"]}`)
}

func TestTwoHundredAgentsOfABroker(t *testing.T) {
	m := broker(t)
	const fleet = 200
	var all sync.WaitGroup
	for i := range fleet {
		all.Go(func() { atBroker(t, m, agent.Config{Name: fmt.Sprintf("lab%d", i)}) })
	}
	all.Wait()
	o := m.operator()
	o.send("vw/all/command", `{"verb":"add","what":"stream","to":"lab*","rule":{"stream":"lab","feeds":["a"]}}`)
	from := map[string]bool{}
	for len(from) < fleet {
		var a struct {
			From  string
			Reply json.RawMessage
		}
		decode(t, string(o.next("vw/reply/operator").Payload), &a)
		if from[a.From] || !sameReply(string(a.Reply), `{"stream":"lab","feeds":["a"]}`) {
			t.Errorf("%s answers %s", a.From, a.Reply)
		}
		from[a.From] = true
	}
}

func TestABrokerWithTLSWantsItsAuthorityAndACertificate(t *testing.T) {
	t.Parallel()
	ca, cert, key := certificates(t)
	m := broker(t, "cafile "+ca, "certfile "+cert, "keyfile "+key, "require_certificate true", "use_identity_as_username true", "allow_anonymous false")
	api := strings.Replace(m.url(), "ws+", "wss+", 1)
	stranger := start(t, nil, agent.Config{Name: "lab1", API: api})
	stranger.log.await(t, `"link down"`, "unknown authority")
	bare := start(t, nil, agent.Config{Name: "lab1", API: api, CAFile: ca})
	bare.log.await(t, `"link down"`)
	if s := bare.status(t); s.Channel.State == "up" || s.Channel.Dials == 0 {
		t.Errorf("without a certificate: %+v", s.Channel)
	}
	atBroker(t, m, agent.Config{Name: "lab1", API: api, CAFile: ca, CertFile: cert, KeyFile: key})
}

// certificates are files of an authority, and of a pair of its for both ends.
func certificates(t testing.TB) (ca, cert, key string) {
	t.Helper()
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab1"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	whole := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return writeFile(t, "ca.pem", whole), writeFile(t, "cert.pem", whole), writeFile(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}))
}
