package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"vw/agent/status"
)

// A mosquitto is Debian's broker on loopback: by websocket for agents, and as it is
// for whoever commands them.
type mosquitto struct {
	t    testing.TB
	conf string
	ws   string // host and port
	tcp  string
	kill func() // it, and waits
}

// broker starts one, whose listeners have these lines besides.
func broker(t testing.TB, lines ...string) *mosquitto {
	t.Helper()
	m := &mosquitto{t: t, ws: freePort(t), tcp: freePort(t)}
	port := func(addr string) string { return addr[strings.LastIndex(addr, ":")+1:] }
	conf := []string{"user root", "per_listener_settings false", "persistence false", "log_type error",
		"listener " + port(m.tcp) + " 127.0.0.1",
		"listener " + port(m.ws) + " 127.0.0.1", "protocol websockets"}
	if len(lines) == 0 {
		lines = []string{"allow_anonymous true"}
	}
	m.conf = writeFile(t, "mosquitto.conf", []byte(strings.Join(append(conf, lines...), "\n")+"\n"))
	m.start()
	t.Cleanup(func() { m.kill() })
	return m
}

func (m *mosquitto) start() {
	m.t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto" // where Debian has it, and no user's PATH leads
	}
	process, said := exec.Command(path, "-c", m.conf), &logbook{}
	process.Stdout, process.Stderr = said, said
	if err := process.Start(); err != nil {
		m.t.Fatalf("start mosquitto: %v", err)
	}
	m.kill = sync.OnceFunc(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	})
	for _, addr := range []string{m.tcp, m.ws} {
		eventually(m.t, "mosquitto listens; it says "+said.String(), func() bool {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				c.Close()
			}
			return err == nil
		})
	}
}

func (m *mosquitto) url() string { return "ws+mqtt://" + m.ws + "/mqtt" }

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// An operator is somebody at a broker who commands agents.
type operator struct {
	t     testing.TB
	paho  *paho.Client
	in    chan *paho.Publish
	calls int
}

func (m *mosquitto) operator() *operator {
	m.t.Helper()
	c, err := net.Dial("tcp", m.tcp)
	if err != nil {
		m.t.Fatal(err)
	}
	o := &operator{t: m.t, in: make(chan *paho.Publish, 10000)}
	o.paho = paho.NewClient(paho.ClientConfig{Conn: c, OnPublishReceived: []func(paho.PublishReceived) (bool, error){
		func(p paho.PublishReceived) (bool, error) {
			o.in <- p.Packet
			return true, nil
		}}})
	if _, err := o.paho.Connect(patient(m.t), &paho.Connect{ClientID: "operator" + fmt.Sprint(time.Now().UnixNano()), CleanStart: true, KeepAlive: 30,
		Username: "operator", UsernameFlag: true, Password: []byte("operators canary"), PasswordFlag: true}); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = o.paho.Disconnect(&paho.Disconnect{}) })
	o.subscribe("vw/reply/operator")
	return o
}

func (o *operator) subscribe(topic string) {
	o.t.Helper()
	if _, err := o.paho.Subscribe(patient(o.t), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: topic, QoS: 1}}}); err != nil {
		o.t.Fatal(err)
	}
}

func (o *operator) publish(topic, payload string, retain bool) {
	o.t.Helper()
	if _, err := o.paho.Publish(patient(o.t), &paho.Publish{Topic: topic, QoS: 1, Retain: retain, Payload: []byte(payload)}); err != nil {
		o.t.Fatal(err)
	}
}

// send publishes a command that wants answers, and returns its correlation data.
func (o *operator) send(topic, command string) string {
	o.t.Helper()
	return o.sendFor("vw/reply/operator", topic, command)
}

// sendFor has the answers go to a topic.
func (o *operator) sendFor(answers, topic, command string) string {
	o.t.Helper()
	o.calls++
	correlation := fmt.Sprintf("call %d \x00\xff", o.calls)
	if _, err := o.paho.Publish(patient(o.t), &paho.Publish{Topic: topic, QoS: 1, Payload: []byte(command),
		Properties: &paho.PublishProperties{ResponseTopic: answers, CorrelationData: []byte(correlation)}}); err != nil {
		o.t.Fatal(err)
	}
	return correlation
}

// next is the next message on a topic that is kept for the present, statuses or replies.
func (o *operator) next(topic string) *paho.Publish {
	o.t.Helper()
	ctx := patient(o.t)
	for {
		select {
		case p := <-o.in:
			secretive(o.t, "a message", string(p.Payload))
			if p.Topic == topic {
				return p
			}
		case <-ctx.Done():
			o.t.Fatalf("nothing came on %s", topic)
		}
	}
}

// ask sends a command to an agent and returns the answer.
func (o *operator) ask(name, command string) string {
	o.t.Helper()
	correlation := o.send("vw/"+name+"/command", command)
	p := o.next("vw/reply/operator")
	if string(p.Properties.CorrelationData) != correlation {
		o.t.Fatalf("%s: correlation data %q in place of %q", command, p.Properties.CorrelationData, correlation)
	}
	return string(p.Payload)
}

func (o *operator) want(name, command, reply string) {
	o.t.Helper()
	if got := o.ask(name, command); !sameReply(got, reply) {
		o.t.Fatalf("%.300s\n got %.1000s\nwant %.1000s", command, got, reply)
	}
}

// status is what the broker has kept of an agent's, nil for nothing, after all that
// the operator has been told so far.
func (o *operator) status(name string) status.Presence {
	o.t.Helper()
	return presenceIn(o.t, o.next("vw/"+name+"/status"))
}

// awaitStatus returns the next one that is as wanted.
func (o *operator) awaitStatus(name string, ok func(status.Presence) bool) status.Presence {
	o.t.Helper()
	for {
		if p := o.status(name); ok(p) {
			return p
		}
	}
}

func presenceIn(t testing.TB, p *paho.Publish) status.Presence {
	t.Helper()
	var said struct{ Status *status.Presence }
	if err := json.Unmarshal(p.Payload, &said); err != nil || said.Status == nil {
		t.Fatalf("no status: %s", p.Payload)
	}
	return *said.Status
}

// passwords writes Debian's mosquitto a file of users' passwords.
func passwords(t testing.TB, of map[string]string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "passwords")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for user, password := range of {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		out, err := exec.CommandContext(ctx, "mosquitto_passwd", "-b", file, user, password).CombinedOutput()
		cancel()
		if err != nil {
			t.Fatalf("mosquitto_passwd: %v: %s", err, out)
		}
	}
	return file
}
