package channel

import (
	"context"
	"math/rand/v2"
	"time"

	"vw/agent/status"
	"vw/command"
)

const (
	// lookEvery is the time between two looks at what may have changed.
	lookEvery = 250 * time.Millisecond
	// pushEvery is the least time between two pushes of what has changed.
	pushEvery = time.Second
)

// A Reporter tells how the agent stands.
type Reporter interface{ Status() status.Status }

// A writer is where something is told.
type writer interface{ WriteText([]byte) error }

// Watches hands on what was asked for on a link, where that is Told.
type Watches chan command.Watch

// NewWatches returns one for one link.
func NewWatches() Watches { return make(Watches, 1) }

// Ask hands on what a message asked for, if anything.
func (w Watches) Ask(did command.Handled) {
	if did.Watch == nil {
		return
	}
	select {
	case <-w: // the newest counts
	default:
	}
	w <- *did.Watch
}

// Tell tells on a link what is watched there, and every so often that the agent is
// there, 0 for never; until the link's life ends. That it was lost shows there.
func (c *Channel) Tell(life context.Context, to writer, watches Watches, every time.Duration) {
	(&teller{channel: c, to: to}).run(life, watches, every)
}

func (t *teller) run(life context.Context, watches Watches, every time.Duration) {
	var beat <-chan time.Time
	if every > 0 {
		t.write(t.presence(status.Hello))
		beat = time.After(jitter(every))
	}
	for {
		var look <-chan time.Time
		if t.watched() {
			look = time.After(lookEvery)
		}
		select {
		case <-life.Done():
			if every > 0 && t.channel.ctx.Err() != nil {
				t.bye()
			}
			return
		case lease := <-watches:
			t.until, t.told = time.Now().Add(time.Duration(lease)), status.Presence{}
		case <-beat:
			t.write(t.presence(status.Heartbeat))
			beat = time.After(jitter(every))
		case <-look:
		}
		t.push()
	}
}

// jitter spreads the heartbeats of agents that have come up together.
func jitter(every time.Duration) time.Duration {
	return every - every/10 + rand.N(every/5)
}

// A teller tells on one link.
type teller struct {
	channel *Channel
	to      writer
	whole   bool            // all is told again when something has changed
	until   time.Time       // what changes is told; zero: it is not
	told    status.Presence // of what changes
	pushed  time.Time
}

func (t *teller) watched() bool { return time.Now().Before(t.until) }

func (t *teller) presence(e status.Event) status.Presence {
	return t.channel.Reporter.Status().Presence(e)
}

// push tells what has changed since it did last.
func (t *teller) push() {
	if !t.watched() || time.Since(t.pushed) < pushEvery {
		return
	}
	now := t.presence(status.Change)
	if changed, any := now.Since(t.told); any {
		if t.whole {
			changed = now
		}
		t.write(changed)
		t.told, t.pushed = now, time.Now()
	}
}

// bye tells that nothing is sent from now on.
func (t *teller) bye() {
	t.write(t.presence(status.Bye).WithoutConditions())
}

func (t *teller) write(p status.Presence) { _ = t.to.WriteText(p.Message()) } // the link shows that it is lost
