// Package mqtt is MQTT 5 (OASIS Standard, 2019) on the websocket of a link, and vw's
// topics there: for agents, and for those who command them. It must not know what a
// command means, nor when to dial.
package mqtt

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/paho"
	"github.com/google/uuid"

	"vw/agent/link"
)

const (
	// MaxReceived is the longest packet that is taken, in bytes: a command, its topics
	// and properties. Brokers are told; a longer one they deliver to nobody.
	MaxReceived = 1<<20 + 256<<10
	// inFlight is how many messages a broker may send that are not acknowledged yet.
	inFlight = 16
	// packetTimeout bounds the wait for the answer to a packet.
	packetTimeout = 10 * time.Second
	// commanderKeepAlive is how long a broker may hear nothing of who commands.
	commanderKeepAlive = 30 * time.Second
	// headerRoom is what a packet has besides its topics, data and payload, in bytes.
	headerRoom = 64
)

// A Message is one of a topic.
type Message struct {
	Topic   string
	Payload []byte
	Retain  bool // the broker keeps it for whoever comes; of what comes in: it did
	// ResponseTopic and Correlation are where an answer is awaited, and what it has to
	// hold (MQTT 5, 4.10).
	ResponseTopic string
	Correlation   []byte
}

// Config is what a client needs to be told.
type Config struct {
	// User is the user name, where the URL has none.
	User string
	// KeepAlive is the longest time without a packet, in whole seconds: after one and
	// a half the broker publishes the will.
	KeepAlive time.Duration
	// Will is published when the client is lost. Defaults to none.
	Will *Message
	// Topics are subscribed to. The first one the broker has to allow.
	Topics []Topic
	// Receive takes what comes in, one after the other. It may publish.
	Receive func(Message)
}

// A Topic is one that is subscribed to.
type Topic struct {
	Filter   string
	Retained bool // what was kept is wanted too
}

// A Client is MQTT on one websocket. Its methods may be called from anywhere.
type Client struct {
	config Config
	conn   *link.Conn
	stream *stream
	paho   *paho.Client
	most   int  // the longest packet that the broker takes, in bytes; 0: any
	qos    byte // of what is published

	connected bool // there is something to close
	lost      chan struct{}
	once      sync.Once
	err       error // why it was lost
}

// New returns a client of a live websocket to a broker. What comes in there has to
// go to Feed.
func New(conn *link.Conn, c Config) *Client {
	client := &Client{config: c, conn: conn, stream: newStream(conn), qos: 1, lost: make(chan struct{})}
	client.paho = paho.NewClient(paho.ClientConfig{
		Conn:          client.stream,
		PacketTimeout: packetTimeout,
		OnClientError: client.fail,
		OnServerDisconnect: func(d *paho.Disconnect) {
			client.fail(disconnectError(d.ReasonCode))
		},
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){client.receive},
	})
	return client
}

// Feed takes what came in on the websocket, nil for what was too long.
func (c *Client) Feed(data []byte) {
	if err := c.stream.feed(data); err != nil {
		c.fail(err)
	}
}

func (c *Client) fail(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.lost)
	})
}

func (c *Client) receive(p paho.PublishReceived) (bool, error) {
	m := Message{Topic: p.Packet.Topic, Payload: p.Packet.Payload, Retain: p.Packet.Retain}
	if properties := p.Packet.Properties; properties != nil {
		m.ResponseTopic, m.Correlation = properties.ResponseTopic, properties.CorrelationData
	}
	c.config.Receive(m)
	return true, nil
}

// Connect shows the token, which the target of the websocket has, as a password, and
// subscribes. It returns the topics that the broker does not allow. After an error
// only Close is to be called.
func (c *Client) Connect(ctx context.Context) (refused []string, err error) {
	t := c.conn.Target()
	most, window := uint32(MaxReceived), uint16(inFlight)
	hello := &paho.Connect{
		ClientID: "vw-" + uuid.NewString()[:13], CleanStart: true, KeepAlive: uint16(max(1, c.config.KeepAlive.Round(time.Second)/time.Second)),
		Properties: &paho.ConnectProperties{MaximumPacketSize: &most, ReceiveMaximum: &window, RequestProblemInfo: true},
	}
	if hello.Username = t.User(); hello.Username == "" {
		hello.Username = c.config.User
	}
	hello.UsernameFlag = hello.Username != ""
	hello.Password, hello.PasswordFlag = []byte(t.Token), t.Token != ""
	if w := c.config.Will; w != nil {
		hello.WillMessage = &paho.WillMessage{Topic: w.Topic, Payload: w.Payload, Retain: w.Retain, QoS: 1}
	}
	stop := context.AfterFunc(ctx, c.stream.finish) // a broker that refuses hangs up at once: what it has said counts
	defer stop()
	answer, err := c.paho.Connect(context.WithoutCancel(ctx), hello)
	c.connected = err == nil
	switch {
	case answer != nil && answer.ReasonCode >= 0x80:
		return nil, connectError(t, answer)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, c.noMQTT(err)
	}
	if p := answer.Properties; p != nil {
		if p.MaximumPacketSize != nil {
			c.most = int(*p.MaximumPacketSize)
		}
		if p.MaximumQoS != nil {
			c.qos = min(c.qos, *p.MaximumQoS)
		}
	}
	return c.subscribe(ctx)
}

// noMQTT says why there was no answer that could be understood.
func (c *Client) noMQTT(err error) error {
	select {
	case <-c.lost:
		err = c.err
	default:
	}
	var own *link.Error
	switch {
	case errors.As(err, &own):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return link.NewError(link.CodeTimeout, "the broker did not answer within %v", packetTimeout)
	}
	return link.NewError(link.CodeNoMQTT, "what answers there does not speak MQTT 5")
}

func (c *Client) subscribe(ctx context.Context) (refused []string, err error) {
	ask := &paho.Subscribe{}
	for _, t := range c.config.Topics {
		o := paho.SubscribeOptions{Topic: t.Filter, QoS: 1, NoLocal: true, RetainHandling: 2}
		if t.Retained {
			o.RetainHandling = 0
		}
		ask.Subscriptions = append(ask.Subscriptions, o)
	}
	answer, _ := c.paho.Subscribe(ctx, ask) // its error says no more than the answer
	if answer == nil || len(answer.Reasons) != len(ask.Subscriptions) {
		return nil, link.NewError(link.CodeNoMQTT, "the broker did not say which topics it lets one read")
	}
	for i, reason := range answer.Reasons {
		if reason < 0x80 {
			continue
		}
		refused = append(refused, ask.Subscriptions[i].Topic)
		if i == 0 {
			return nil, link.NewError(link.CodeTokenRefused, "the broker does not let this user read %s: see to its access list", refused[0])
		}
	}
	return refused, nil
}

// Until returns a context that ends with life, or when the broker has ended what is
// spoken on the websocket; its cause says why. Stop has to be called.
func (c *Client) Until(life context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(life)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-c.lost:
			cancel(c.err)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-ended
	}
}

// ErrTooLong is Publish's where a message is longer than the broker takes.
var ErrTooLong = errors.New("it is longer than the broker takes")

// Publish returns when the broker has taken a message; with wait false when it was
// written.
func (c *Client) Publish(ctx context.Context, m Message, wait bool) error {
	if c.most > 0 && len(m.Payload)+len(m.Topic)+len(m.ResponseTopic)+len(m.Correlation)+headerRoom > c.most {
		return ErrTooLong
	}
	how := paho.PublishOptions{Method: paho.PublishMethod_AsyncSend}
	if wait {
		how.Method = paho.PublishMethod_Blocking
	}
	_, err := c.paho.PublishWithOptions(ctx, &paho.Publish{
		Topic: m.Topic, Payload: m.Payload, Retain: m.Retain, QoS: c.qos,
		Properties: &paho.PublishProperties{ResponseTopic: m.ResponseTopic, CorrelationData: m.Correlation},
	}, how)
	return err
}

// Close says goodbye, and returns when nothing of the client runs any more. The will
// is published if that is said.
func (c *Client) Close(will bool) {
	if c.connected {
		bye := &paho.Disconnect{}
		if will {
			bye.ReasonCode = 0x04
		}
		_ = c.paho.Disconnect(bye) // the link shows that it is lost
	}
	c.stream.end()
}
