package mqtt_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"vw/agent/link"
	"vw/agent/link/mqtt"
)

// Whatever a broker sends, cut into two messages anywhere: the client comes to an end
// in time and leaves nothing running, with words that do not show the token, and takes
// no message that is longer than may be.
func FuzzBroker(f *testing.F) {
	in := func(all ...io.WriterTo) []byte {
		var b bytes.Buffer
		for _, p := range all {
			if _, err := p.WriteTo(&b); err != nil {
				f.Fatal(err)
			}
		}
		return b.Bytes()
	}
	none := &packets.Properties{}
	letIn := &packets.Connack{Properties: none}
	subscribed := &packets.Suback{PacketID: 1, Properties: none, Reasons: []byte{1, 1}}
	message := func(qos byte, topic string) *packets.Publish {
		return &packets.Publish{Topic: topic, QoS: qos, PacketID: uint16(qos), Payload: []byte(`{"verb":"healthcheck"}`),
			Properties: &packets.Properties{ResponseTopic: "vw/reply/x", CorrelationData: []byte("1"), User: []packets.User{{Key: "a", Value: "b"}}}}
	}
	most, qos, alias := uint32(100), byte(0), uint16(1)
	for _, b := range [][]byte{
		nil, []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), {0x20, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, {0x20, 0xff, 0xff, 0xff, 0x7f},
		in(letIn), in(letIn, subscribed), in(letIn, subscribed, message(0, "vw/a/command"), message(1, "vw/a/command"), message(2, "vw/a/rules")),
		in(letIn, message(1, ""), subscribed, &packets.Puback{PacketID: 2, Properties: none}, &packets.Disconnect{ReasonCode: 0x8b, Properties: none}),
		in(&packets.Connack{Properties: &packets.Properties{MaximumPacketSize: &most, MaximumQOS: &qos, ServerKeepAlive: &alias, TopicAliasMaximum: &alias}}, subscribed,
			&packets.Publish{Topic: "", Properties: &packets.Properties{TopicAlias: &alias}}),
		in(&packets.Connack{ReasonCode: 0x87, Properties: &packets.Properties{ReasonString: "canary-token"}}),
		in(letIn, &packets.Suback{PacketID: 1, Properties: none, Reasons: []byte{0x87, 1}}), in(letIn, &packets.Suback{PacketID: 1, Properties: none}),
		in(letIn, &packets.Auth{Properties: none}), in(letIn, letIn), in(letIn, subscribed, &packets.Pubrel{PacketID: 2, Properties: none}),
	} {
		f.Add(b, uint16(3))
		f.Add(b, uint16(len(b)))
	}
	f.Fuzz(func(t *testing.T, said []byte, cut uint16) {
		synctest.Test(t, func(t *testing.T) {
			at := min(int(cut), len(said))
			begun := time.Now()
			if err := speak(t, func(m mqtt.Message) {
				if n := len(m.Payload) + len(m.Topic) + len(m.ResponseTopic) + len(m.Correlation); n > mqtt.MaxReceived {
					t.Errorf("a message of %d bytes is taken", n)
				}
			}, said[:at], said[at:]); err == nil || strings.Contains(err.Error(), "canary-token") {
				t.Errorf("it ends with %v", err)
			}
			if took := time.Since(begun); took > 4*time.Minute {
				t.Errorf("it took %v", took)
			}
		})
	})
}

// A packet may be as long as the broker is told, over several messages of the websocket.
func TestAPacketIsTakenUpToTheLengthThatTheBrokerIsTold(t *testing.T) {
	none := &packets.Properties{}
	for beyond := range 2 {
		synctest.Test(t, func(t *testing.T) {
			payload := make([]byte, mqtt.MaxReceived+beyond-len("\x00\x01t\x00")) // topic, and no properties
			var said bytes.Buffer
			for _, p := range []io.WriterTo{&packets.Connack{Properties: none}, &packets.Suback{PacketID: 1, Properties: none, Reasons: []byte{1, 1}},
				&packets.Publish{Topic: "t", Properties: none, Payload: payload}} {
				if _, err := p.WriteTo(&said); err != nil {
					t.Fatal(err)
				}
			}
			taken := 0
			err := speak(t, func(m mqtt.Message) { taken += len(m.Payload) }, said.Next(1<<20), said.Bytes())
			if want := len(payload) * (1 - beyond); taken != want {
				t.Errorf("%d bytes of %d are taken, want %d", taken, len(payload), want)
			}
			if told := strings.Contains(err.Error(), "longer than it was told to"); told != (beyond > 0) {
				t.Errorf("it ends with: %v", err)
			}
		})
	}
}

// speak is a client's life with a broker that sends these messages: it connects,
// publishes, and takes what comes for a minute.
func speak(t *testing.T, receive func(mqtt.Message), messages ...[]byte) error {
	d := link.New(link.Config{Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go beBroker(far, messages...)
		return near, nil
	}})
	conn, err := d.Open(t.Context(), link.Target{URL: "ws+mqtt://localhost/mqtt", Token: "canary-token", Local: true})
	if err != nil {
		t.Fatal(err)
	}
	defer time.Sleep(time.Minute) // the other end sees its end
	client := mqtt.New(conn, mqtt.Config{User: "lab1", KeepAlive: 30 * time.Second,
		Will:    &mqtt.Message{Topic: mqtt.StatusTopic("lab1"), Payload: []byte("{}"), Retain: true},
		Topics:  []mqtt.Topic{{Filter: mqtt.CommandTopic("lab1")}, {Filter: mqtt.RulesTopic("lab1"), Retained: true}},
		Receive: receive})
	return conn.Serve(t.Context(), mqtt.MaxReceived, func(data []byte, _ bool) { client.Feed(data) }, func(life context.Context) error {
		begun := time.Now()
		_, err := client.Connect(life)
		if took := time.Since(begun); took > 30*time.Second {
			t.Errorf("to connect took %v", took)
		}
		if err != nil {
			client.Close(false)
			return err
		}
		life, stop := client.Until(life)
		defer stop()
		ctx, cancel := context.WithTimeout(life, 30*time.Second)
		defer cancel()
		_ = client.Publish(ctx, mqtt.Message{Topic: mqtt.ReplyTopic("x"), Payload: []byte(`{"healthcheck":"ok"}`)}, true)
		select {
		case <-life.Done():
		case <-time.After(time.Minute):
		}
		client.Close(true)
		if err := context.Cause(life); err != nil {
			return err
		}
		return io.EOF
	})
}

// beBroker upgrades, answers pings, and sends these messages.
func beBroker(c net.Conn, messages ...[]byte) {
	defer c.Close()
	in := bufio.NewReader(c)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455, 4.2.2
	_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: "+
		base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n")
	go func() { // what comes is read, so that nobody waits
		_, _ = io.Copy(io.Discard, in)
	}()
	for _, m := range messages {
		b := binary.BigEndian.AppendUint64([]byte{0x82, 127}, uint64(len(m)))
		if _, err := c.Write(append(b, m...)); err != nil {
			return
		}
	}
	for range 4 {
		time.Sleep(14 * time.Second)
		if _, err := c.Write([]byte{0x8a, 0}); err != nil { // a pong
			return
		}
	}
}
