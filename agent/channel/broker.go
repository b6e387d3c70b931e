package channel

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"vw/agent/link"
	"vw/agent/link/mqtt"
	"vw/agent/status"
	"vw/command"
)

const (
	// keepAlive, times the interval of pings, is how long a broker may hear nothing:
	// it says that the agent is gone when the agent itself gives the link up.
	keepAlive = 2
	// brokerHeartbeat is how often a broker is told how the agent stands, where
	// nobody has said: that disturbs nobody there.
	brokerHeartbeat = 30 * time.Second
)

// A broker is what the channel is on a link to one: commands and the wanted rules
// come in on topics, and how the agent stands is kept on another.
type broker struct {
	*mqtt.Client
	endpoint *endpoint
	life     context.Context
	relay    string
}

// greet speaks MQTT on a link that leads to a broker.
func (e *endpoint) greet(life context.Context, conn *link.Conn) error {
	if !conn.Target().MQTT() {
		return nil
	}
	c := e.channel
	if err := mqtt.CheckName(c.Name); err != nil {
		return link.NewError(link.CodePolicy, "%v", err)
	}
	b := &broker{endpoint: e, life: life, relay: conn.Relay()}
	b.Client = mqtt.New(conn, mqtt.Config{
		User: c.Name, KeepAlive: keepAlive * c.Dialer.Ping, Receive: b.receive,
		Will: &mqtt.Message{Topic: mqtt.StatusTopic(c.Name), Retain: true, Payload: b.presence(status.Gone).WithoutConditions().Message()},
		Topics: []mqtt.Topic{
			{Filter: mqtt.CommandTopic(c.Name)}, {Filter: mqtt.CommandTopic(mqtt.All)},
			{Filter: mqtt.StatusTopic(c.Name)}, {Filter: mqtt.RulesTopic(c.Name), Retained: true},
		},
	})
	e.broker.Store(b)
	refused, err := b.Connect(life)
	if err != nil {
		e.broker.Store(nil)
		b.Close(false)
		return err
	}
	for _, topic := range refused {
		c.Log.Warn("broker does not let the agent read a topic: see to its access list", "relay", b.relay, "topic", topic)
	}
	return nil
}

// serve tells how the agent stands until the link's life ends, or the broker's.
func (b *broker) serve(life context.Context) error {
	e, c := b.endpoint, b.endpoint.channel
	life, stop := b.Until(life)
	defer stop()
	every := c.Heartbeat
	if every == 0 {
		every = brokerHeartbeat
	}
	(&teller{channel: c, to: b, whole: true}).run(life, e.watches, every)
	b.Close(c.ctx.Err() == nil) // at the program's end it has said so
	e.broker.Store(nil)
	return context.Cause(life)
}

func (b *broker) presence(e status.Event) status.Presence {
	return b.endpoint.channel.Reporter.Status().Presence(e)
}

// WriteText has the broker keep how the agent stands.
func (b *broker) WriteText(message []byte) error {
	return b.Publish(context.Background(), mqtt.Message{Topic: mqtt.StatusTopic(b.endpoint.channel.Name), Payload: message, Retain: true}, false)
}

// receive takes what comes in.
func (b *broker) receive(m mqtt.Message) {
	e := b.endpoint
	switch name := e.channel.Name; m.Topic {
	case mqtt.StatusTopic(name): // a link that was lost before has told it
		var said struct{ Status status.Presence }
		if json.Unmarshal(m.Payload, &said) == nil && said.Status.Event == status.Gone {
			_ = b.WriteText(b.presence(status.Heartbeat).Message()) // the link shows that it is lost
		}
	case mqtt.RulesTopic(name):
		if len(m.Payload) > 0 { // none are wanted any more
			e.pass(b.life, received{from: wanted{peer{b, m}}, message: addRules(m.Payload), kept: true})
		}
	default:
		if !m.Retain { // what is to be done is for now
			e.pass(b.life, received{from: peer{b, m}, message: m.Payload})
		}
	}
}

// addRules is the command that puts a table in force, which has to be one JSON value.
func addRules(table []byte) []byte {
	if !json.Valid(table) {
		table = []byte(`"no JSON"`)
	}
	message, _ := json.Marshal(map[string]any{"verb": "add", "what": "rules", "rule": json.RawMessage(table)})
	return message
}

// A peer is whoever has published a message.
type peer struct {
	broker *broker
	asked  mqtt.Message
}

func (p peer) Relay() string { return p.broker.relay }

// WriteText answers where that is asked for, and returns when the broker has taken it.
func (p peer) WriteText(reply []byte) error {
	topic := p.asked.ResponseTopic
	if topic == "" {
		return nil
	}
	if !mqtt.MayReply(p.broker.endpoint.channel.Name, topic) {
		return link.NewError(link.CodePolicy, "the command's response topic is none that answers go to")
	}
	m := mqtt.Message{Topic: topic, Payload: reply, Correlation: p.asked.Correlation}
	err := p.broker.Publish(p.broker.life, m, true)
	if errors.Is(err, mqtt.ErrTooLong) {
		m.Payload = command.ReplyTooLong()
		err = p.broker.Publish(p.broker.life, m, true)
	}
	return err
}

// wanted is whoever has published the rules that the agent is to have.
type wanted struct{ peer }

// WriteText logs why they are not in force, and answers as a peer does.
func (w wanted) WriteText(reply []byte) error {
	var said struct{ Error string }
	if json.Unmarshal(reply, &said) == nil && said.Error != "" {
		w.broker.endpoint.channel.Log.Warn("rules that the broker keeps are not in force", "relay", w.broker.relay, "err", said.Error)
	}
	return w.peer.WriteText(reply)
}
