package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"vw/agent/link"
	"vw/agent/status"
	"vw/cmd/vw/cli"
)

// An agent is one of the fleet: the wire to it, and what it has told.
type agent struct {
	Entry
	wire    wire
	timeout time.Duration // of the wait for an answer
	every   time.Duration // between two questions how it stands; 0: it is asked once
	wanted  string        // the hash of the rules that it should have, "" for any
	changed func()        // its state may have

	begun chan struct{} // closed when its links are begun with
	wake  chan bool     // it is to be asked now; true: and to be watched anew. Capacity 1
	told  chan struct{} // closed when the first question was answered, or not in time
	once  sync.Once     // told is closed

	mu      sync.Mutex
	waiting map[string]chan json.RawMessage // for the reply with that ref; capacity 1
	up      chan struct{}                   // closed and replaced when the wire comes up
	others  string                          // the name of somebody else who was heard
	state   State
}

// A refusal is an agent's own word on why it does not do a command.
type refusal string

func (r refusal) Error() string { return string(r) }

func newAgent(r cli.Relay, e Entry, crowded bool) *agent {
	a := &agent{Entry: e, timeout: r.Timeout, changed: func() {}, begun: make(chan struct{}), wake: make(chan bool, 1), told: make(chan struct{}),
		waiting: map[string]chan json.RawMessage{}, up: make(chan struct{}), state: State{Since: time.Now()}}
	a.wire = newWire(r, e, crowded, events{take: a.take, up: a.cameUp})
	return a
}

// escape has a name match itself alone where a pattern is expected.
var escape = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// addressed is a command as it is sent: only the agent of this name obeys it.
func (a *agent) addressed(command map[string]any, ref string) []byte {
	command = maps.Clone(command)
	command["to"], command["ref"] = escape.Replace(a.Name), ref
	message, err := json.Marshal(command)
	if err != nil { // strings, and JSON that was checked
		panic(err)
	}
	return message
}

// ask sends a command and returns the agent's reply; a refusal is an error. Whenever
// the wire comes up in the meantime the command is sent again: it may have been lost,
// and the same again changes nothing.
func (a *agent) ask(ctx context.Context, timeout time.Duration, command map[string]any) (json.RawMessage, error) {
	ref, reply := uuid.NewString(), make(chan json.RawMessage, 1)
	message := a.addressed(command, ref)
	a.mu.Lock()
	a.waiting[ref] = reply
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.waiting, ref)
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	defer time.AfterFunc(timeout/2, a.askWho).Stop()
	for sent := false; ; {
		a.mu.Lock()
		up := a.up
		a.mu.Unlock()
		sent = a.wire.Send(message) == nil || sent
		select {
		case r := <-reply:
			return r, refused(r)
		case <-up:
			if !sent {
				timer.Reset(timeout) // one for the link, and one for the answer
			}
		case <-timer.C:
			return nil, a.silence(timeout)
		case <-ctx.Done():
			return nil, cli.ErrInterrupted
		}
	}
}

// askWho asks whoever is there to say something: the name in the list may be wrong.
func (a *agent) askWho() {
	_ = a.wire.Send([]byte(`{"verb":"healthcheck","ref":"who"}`)) // nobody waits for it
}

// silence says why nobody has answered.
func (a *agent) silence(timeout time.Duration) error {
	if err := noLink(a.wire.Info()); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.others != "" {
		return fmt.Errorf("no answer within %v, but the agent %q answers there: is the name right?", timeout, a.others)
	}
	return fmt.Errorf("no answer within %v: the link is up, but no agent of this name answers on it", timeout)
}

// noLink says why there is no link, nil where it is up.
func noLink(i link.Info) error {
	switch {
	case i.State == link.Up:
		return nil
	case i.LastError == "":
		return fmt.Errorf("the link to %s is not up yet", i.Relay)
	}
	return fmt.Errorf("no link to %s: %s", i.Relay, i.LastError)
}

// refused returns what a reply has against the command, nil for nothing.
func refused(reply json.RawMessage) error {
	var r struct{ Error, Hint string }
	if json.Unmarshal(reply, &r) != nil || r.Error == "" {
		return nil
	}
	if r.Hint != "" {
		r.Error += ": " + r.Hint
	}
	return refusal(r.Error)
}

// cameUp has whoever waits for a reply ask again, or else the agent be looked at.
func (a *agent) cameUp() {
	a.mu.Lock()
	close(a.up)
	a.up = make(chan struct{})
	asking := len(a.waiting) > 0
	a.mu.Unlock()
	if !asking {
		a.look(true)
	}
}

// look has the agent be asked how it stands, and with watch to be told of changes.
func (a *agent) look(watch bool) {
	select {
	case a.wake <- watch:
	default:
		if watch { // the more of the two counts
			select {
			case <-a.wake:
			default:
			}
			a.look(true)
		}
	}
}

// take takes what is said on the wire: replies, presence, and what is for others.
func (a *agent) take(message []byte) {
	for d := json.NewDecoder(bytes.NewReader(message)); ; {
		var said struct {
			Ref    string
			From   string
			Reply  json.RawMessage
			Verb   json.RawMessage
			Status *status.Presence
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return
		}
		switch err := json.Unmarshal(value, &said); {
		case err != nil || said.Verb != nil:
		case said.Status != nil:
			a.heard(said.Status.Name, func() { a.present(*said.Status) })
		case said.From != "" && said.Reply != nil:
			a.heard(said.From, func() { a.answered(said.Ref, said.Reply) })
		}
	}
}

// heard does what follows if it was the agent that spoke.
func (a *agent) heard(name string, follows func()) {
	if name == a.Name {
		follows()
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.others = name
}

func (a *agent) answered(ref string, reply json.RawMessage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if to := a.waiting[ref]; to != nil {
		select {
		case to <- reply:
		default: // it has come twice
		}
	}
}
