package mqtt

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"vw/agent/link"
)

// SplitURL returns the address of a broker and the agent that is meant there, which
// the URL names as its fragment: wss+mqtt://broker.example/mqtt#lab1. Another URL it
// returns as it is.
func SplitURL(url string) (broker, agent string, err error) {
	if !(link.Target{URL: url}).MQTT() {
		return url, "", nil
	}
	broker, agent, _ = strings.Cut(url, "#")
	switch {
	case agent == "":
		return broker, "", errors.New("which agent of the broker? Write its name behind the URL, as in wss+mqtt://broker.example/mqtt#lab1, or #all for every one")
	case agent != All && CheckName(agent) != nil:
		return broker, "", errors.New("the URL's fragment is not the name of an agent of a broker: it holds / or + or a control character, or is reserved")
	}
	return broker, agent, nil
}

// A Commander is the end of a broker that commands one agent, or all. To whom it hears
// and tells it is like the websocket of a relay's topic: WriteText sends a command, and
// what the agents answer, and how they stand, is received.
type Commander struct {
	*Client
	command, answers string // topics
}

// NewCommander returns one on a live websocket to a broker. What comes in there has to
// go to Feed, and Connect to be called.
func NewCommander(conn *link.Conn, agent string, receive func(message []byte)) *Commander {
	c := &Commander{command: CommandTopic(agent), answers: ReplyTopic(uuid.NewString())}
	status := StatusTopic(agent)
	if agent == All {
		status = StatusTopic("+")
	}
	c.Client = New(conn, Config{KeepAlive: commanderKeepAlive, Receive: func(m Message) { receive(m.Payload) },
		Topics: []Topic{{Filter: c.answers}, {Filter: status, Retained: true}}})
	return c
}

// Receive takes what comes in on the websocket: a link's Receive.
func (c *Commander) Receive(data []byte, _ bool) { c.Feed(data) }

// Serve is the work of the link until that is lost, or the broker ends it.
func (c *Commander) Serve(life context.Context) error {
	life, stop := c.Until(life)
	defer stop()
	<-life.Done()
	c.Close(false)
	return context.Cause(life)
}

// WriteText sends a command. It returns when the broker has taken it.
func (c *Commander) WriteText(command []byte) error {
	return c.Publish(context.Background(), Message{Topic: c.command, Payload: command, ResponseTopic: c.answers}, true)
}
