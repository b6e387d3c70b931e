package testrelay

import (
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// clients are the upgraded ones.
type clients struct {
	limit int

	mu      sync.Mutex
	all     map[*client]struct{}
	ever    int // how many there were
	serving bool
}

// add counts a client in. It reports false where the relay is closing.
func (cs *clients) add(c *client) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.serving {
		cs.ever++
		c.number = cs.ever
		cs.all[c] = struct{}{}
	}
	return cs.serving
}

func (cs *clients) remove(c *client) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.all, c)
}

func (cs *clients) serve(on bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.serving = on
}

func (cs *clients) count() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.all)
}

func (cs *clients) full() bool { return cs.count() >= cs.limit }

func (cs *clients) under(prefix string) []*client {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	var found []*client
	for c := range cs.all {
		if under(c.path(), prefix) {
			found = append(found, c)
		}
	}
	return found
}

// Send gives messages, of one websocket message type, to the clients of a
// path and all below it that take any, and returns how many those are. With
// Faults.Glue they arrive as one.
func (cs *clients) Send(prefix string, messageType int, data ...[]byte) int {
	var messages []Message
	for _, d := range data {
		messages = append(messages, Message{Type: messageType, Data: d, At: time.Now()})
	}
	n := 0
	for _, c := range cs.under(prefix) {
		if c.up.Load() && c.takes() {
			c.queue.put(messages...)
			n++
		}
	}
	return n
}

// Disconnect sends the clients of a path and all below it a close frame, and
// returns how many there were. It returns when they have answered it, or have
// been cut off after half a second.
func (cs *clients) Disconnect(prefix string, code int) int {
	found := cs.under(prefix)
	goodbye(found, code)
	return len(found)
}

// Expire goes quiet for good towards the present clients of a path and all
// below it, as relays do whose token has run out, and returns how many there were.
func (cs *clients) Expire(prefix string) int {
	found := cs.under(prefix)
	for _, c := range found {
		c.expired.Store(true)
	}
	return len(found)
}

// expel sends those away whose token may no longer be used where they are.
func (cs *clients) expel(g *guard) {
	var gone []*client
	for _, c := range cs.under("/") {
		if c.up.Load() && !g.allows(c.token, c.place) {
			gone = append(gone, c)
		}
	}
	goodbye(gone, websocket.ClosePolicyViolation)
}

// goodbye returns when every client has been sent a close frame or cut off.
func goodbye(clients []*client, code int) {
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() { c.goodbye(code) })
	}
	wg.Wait()
}
