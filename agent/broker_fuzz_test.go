package agent_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"vw/agent"
	"vw/agent/link/mqtt"
)

// Whatever is published to an agent of a broker, by whoever may: it takes the next
// command, keeps the owner's word and its token to itself, and answers where it was
// asked to and on no topic of its own.
func FuzzBrokersMessages(f *testing.F) {
	for _, payload := range []string{
		"", "null", "\xff", `{"verb":"healthcheck"}`, `{"verb":"list","what":"status","ref":"1","to":"lab*"}{"verb":"list","what":"rules"}`,
		`{"streams":{"lab":["cam:video"]},"destinations":{"0":{"stream":"lab","destination":"ws://localhost/in/lab"}}}`,
		`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"ws+mqtt://localhost/other"}}`,
		`{"status":{"name":"lab1","event":"gone"}}`, `{"verb":"add","what":"watch","for":"1s"}`, `{"verb":"delete","what":"destination","which":"all"}`,
	} {
		for topic := range fuzzTopics {
			f.Add(byte(topic), []byte(payload), "vw/reply/operator", []byte("1"), false)
		}
		f.Add(byte(2), []byte(payload), "vw/lab1/rules", []byte(nil), true)
	}
	f.Add(byte(0), []byte(`{"verb":"healthcheck"}`), "vw/+/x", bytes.Repeat([]byte("c"), 70_000), false)
	f.Fuzz(func(t *testing.T, topic byte, payload []byte, response string, correlation []byte, retain bool) {
		if bytes.Contains(payload, []byte("canary")) || strings.Contains(response, "canary") || bytes.Contains(correlation, []byte("canary")) {
			t.Skip("the message gives the token away itself")
		}
		synctest.Test(t, func(t *testing.T) {
			b := &fakeBroker{to: make(chan *packets.Publish), from: make(chan packets.Publish, 1000)}
			log := &logbook{}
			a, end, err := agent.Begin(agent.Config{Name: "lab1", API: "ws+mqtt://localhost/mqtt", APIToken: "canary", Muted: []string{"mic"},
				RecordDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(log, nil))}, b.dial)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			b.publish(ctx, &packets.Publish{Topic: fuzzTopics[int(topic)%len(fuzzTopics)], Payload: payload, Retain: retain, QoS: topic >> 7, PacketID: 7,
				Properties: &packets.Properties{ResponseTopic: response, CorrelationData: correlation}})
			b.publish(ctx, &packets.Publish{Topic: mqtt.CommandTopic("lab1"), Payload: []byte(`{"verb":"list","what":"status"}`),
				Properties: &packets.Properties{ResponseTopic: "vw/reply/after"}})
			var said []packets.Publish
			for after := ""; !strings.Contains(after, `"mutes":["mic"]`); {
				select {
				case p := <-b.from:
					if said = append(said, p); p.Topic == "vw/reply/after" {
						after = string(p.Payload)
					}
				case <-ctx.Done():
					t.Fatalf("it answers no command any more, or mutes nothing: %s\nlog:\n%s", after, log)
				}
			}
			for _, p := range said {
				own := []string{mqtt.StatusTopic("lab1"), "vw/reply/after"}
				if !slices.Contains(own, p.Topic) && (p.Topic != response || !mqtt.MayReply("lab1", response)) {
					t.Errorf("it publishes on %q", p.Topic)
				}
				secretive(t, "a message", string(p.Payload))
			}
			if a.Channel() == nil {
				t.Error("the command channel is gone")
			}
			end()
			secretive(t, "the log", log.String())
			time.Sleep(time.Minute) // brokers see their ends
		})
	})
}

// fuzzTopics are those that an agent reads, and one that no broker should send it.
var fuzzTopics = []string{mqtt.CommandTopic("lab1"), mqtt.CommandTopic(mqtt.All), mqtt.RulesTopic("lab1"), mqtt.StatusTopic("lab1"), "vw/lab2/command"}

// A fakeBroker sends what a test says, and takes what an agent publishes.
type fakeBroker struct {
	to   chan *packets.Publish
	from chan packets.Publish
}

func (b *fakeBroker) publish(ctx context.Context, p *packets.Publish) {
	select {
	case b.to <- p:
	case <-ctx.Done():
	}
}

// dial leads to the broker at /mqtt alone.
func (b *fakeBroker) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go b.serve(far)
	return near, nil
}

func (b *fakeBroker) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	req, err := http.ReadRequest(in)
	if err != nil || req.URL.Path != "/mqtt" {
		return
	}
	answer := strings.Replace(switching(req), "\r\n", "\r\nSec-WebSocket-Protocol: mqtt\r\n", 1)
	if _, err := io.WriteString(c, answer); err != nil {
		return
	}
	frames, quit := make(chan string, 1000), make(chan struct{})
	defer close(quit)
	go func() {
		defer close(frames)
		for {
			f, err := clientFrame(in)
			if err != nil {
				return
			}
			select {
			case frames <- string(f.op) + f.text:
			case <-quit:
				return
			}
		}
	}()
	b.talk(c, frames)
}

// talk is MQTT, which every message of the agent's begins and ends a packet of.
func (b *fakeBroker) talk(c net.Conn, frames <-chan string) {
	send := func(p io.WriterTo) {
		var packet bytes.Buffer
		_, _ = p.WriteTo(&packet)
		_, _ = io.WriteString(c, frame(fin|opBinary, packet.String()))
	}
	none := &packets.Properties{}
	var to <-chan *packets.Publish // once it has subscribed
	for {
		select {
		case p := <-to:
			send(p)
		case f, ok := <-frames:
			if !ok {
				return
			}
			if f[0] == opPing {
				_, _ = io.WriteString(c, frame(fin|opPong, f[1:]))
			}
			if f[0] != opBinary {
				continue
			}
			packet, err := packets.ReadPacket(strings.NewReader(f[1:]))
			if err != nil {
				return
			}
			switch p := packet.Content.(type) {
			case *packets.Connect:
				send(&packets.Connack{Properties: none})
			case *packets.Subscribe:
				send(&packets.Suback{PacketID: p.PacketID, Properties: none, Reasons: bytes.Repeat([]byte{1}, len(p.Subscriptions))})
				to = b.to
			case *packets.Publish:
				b.from <- *p
				if p.QoS == 1 {
					send(&packets.Puback{PacketID: p.PacketID, Properties: none})
				}
			case *packets.Pingreq:
				send(&packets.Pingresp{})
			}
		}
	}
}
