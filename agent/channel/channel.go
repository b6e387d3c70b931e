// Package channel is the command channel: the link on which commands come in. It
// cannot be cut by changing apiRule: a new endpoint is on trial beside the one in
// force, and where neither can be reached the other endpoints are dialled that are
// known to have worked. It must not know what a command does.
package channel

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"vw/agent/link"
	"vw/agent/state"
	"vw/agent/status"
	"vw/command"
)

// Config is what the room needs of the agent around it.
type Config struct {
	// Name is the agent's.
	Name     string
	Dialer   *link.Dialer
	Commands Commands
	// Store is told to save when another endpoint comes into force.
	Store *state.Store
	// Reporter is asked for what is told on the links.
	Reporter Reporter
	// Trial is how long a trial lasts.
	Trial time.Duration
	// Heartbeat is how often the links are told that the agent is there, 0 for never.
	Heartbeat time.Duration
	Known     Known
	Log       *slog.Logger
}

// Commands runs what comes in: a *command.Handler.
type Commands interface {
	Handle(ctx context.Context, message []byte, from command.Origin, reply func([]byte)) command.Handled
	ReplaceAPIRule(ctx context.Context, next func(present command.Destination) command.Destination) error
	Hurry()
}

// Known are the endpoints that a channel begins with.
type Known struct {
	Rule       command.Destination  // the first in force; no ID: there is no channel
	configured command.Destination  // VW_API
	former     *command.Destination // in force before
	confirmed  bool                 // a command was done at Rule
}

// Recall returns what was known where the channel was configured as it is now. A
// URL or token that differs is the owner's word: the endpoints of before are
// forgotten.
func Recall(held state.Channel, configured command.Destination) Known {
	k := Known{Rule: configured, configured: configured}
	if configured.ID == "" || held.Configured != configured.Destination {
		return k
	}
	sameToken := held.Token != nil && *held.Token == configured.Token && held.Credential == configured.Credential
	rule := func(d *state.Destination) *command.Destination {
		if d == nil || d.Destination == configured.Destination && !sameToken {
			return nil
		}
		r := d.Rule(command.APIRule)
		return &r
	}
	k.former = rule(held.Former)
	if inForce := rule(held.InForce); inForce != nil {
		k.Rule, k.confirmed = *inForce, !held.Unconfirmed
	}
	return k
}

// A Channel is the command channel. Its methods may be called from anywhere.
type Channel struct {
	Config
	alone time.Duration   // how long the new link has to be up alone to be confirmed without a command
	ctx   context.Context // of all links
	end   context.CancelFunc
	links sync.WaitGroup // and trials

	mu         sync.Mutex
	ended      bool
	inForce    *endpoint
	onTrial    *endpoint
	former     *command.Destination // in force before; a command was done there
	configured *command.Destination // VW_API
	confirmed  bool                 // a command was done at the rule that is the first in force
	downSince  time.Time            // since when no link has been steadily up; zero while one is
}

// New returns a channel without a link. Close has to be called.
func New(c Config) *Channel {
	ch := &Channel{Config: c, former: c.Known.former, confirmed: c.Known.confirmed,
		alone: max(c.Trial, 4*c.Dialer.Ping)} // by then a link that is dead is known to be
	if c.Known.configured.ID != "" {
		ch.configured = &c.Known.configured
	}
	ch.ctx, ch.end = context.WithCancel(context.Background())
	return ch
}

// Apply makes rule, nil for none, the one that is wanted. It does not wait. It
// returns how long the rule is on trial, 0 where it is in force.
func (c *Channel) Apply(rule *command.Destination) (trial time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.noteDown()
	switch {
	case c.ended:
	case rule == nil:
		c.dropTrial()
		if c.inForce != nil {
			c.inForce.cancel()
		}
		c.inForce, c.former, c.configured = nil, nil, nil
	case c.inForce == nil:
		c.downSince = time.Now()
		c.inForce = c.dial(*rule)
		c.inForce.commanded, c.confirmed = c.confirmed, false
	case c.onTrial != nil && sameEndpoint(c.onTrial.rule, *rule):
	case sameEndpoint(c.inForce.rule, *rule):
		c.inForce.rule = *rule
		c.dropTrial()
	default:
		c.dropTrial()
		c.beginTrial(*rule)
	}
	if c.onTrial == nil {
		return 0
	}
	return c.Trial
}

// noteDown keeps the time since when no link has been steadily up.
func (c *Channel) noteDown() {
	if c.inForce != nil && c.inForce.steady || c.onTrial != nil && c.onTrial.steady {
		c.downSince = time.Time{}
	} else if c.downSince.IsZero() {
		c.downSince = time.Now()
	}
}

// Close ends the links, and waits for that. What is in force then stays so.
func (c *Channel) Close() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.end()
	c.links.Wait()
}

// Rule returns the one in force, to which a trial returns; false where there is
// no command channel.
func (c *Channel) Rule() (command.Destination, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inForce == nil {
		return command.Destination{}, false
	}
	return c.inForce.rule, true
}

// Snapshot returns what is to outlive the program.
func (c *Channel) Snapshot() state.Channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := state.Channel{Configured: c.Known.configured.Destination, Token: &c.Known.configured.Token, Credential: c.Known.configured.Credential}
	if c.former != nil {
		d := state.NewDestination(*c.former)
		s.Former = &d
	}
	if c.inForce != nil {
		d := state.NewDestination(c.inForce.rule)
		s.InForce, s.Unconfirmed = &d, !c.inForce.commanded
	}
	return s
}

// Info returns the channel's state, nil where there is none.
func (c *Channel) Info() *status.Channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inForce == nil {
		return nil
	}
	i := &status.Channel{Destination: c.inForce.rule.Destination, Info: c.inForce.Info()}
	if c.onTrial != nil {
		i.OnTrial = &status.Trial{Destination: c.onTrial.rule.Destination, Info: c.onTrial.Info()}
	}
	if c.former != nil {
		i.Former = c.former.Destination
	}
	if c.configured != nil {
		i.Configured = c.configured.Destination
	}
	return i
}
