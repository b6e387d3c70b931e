package media

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"vw/media/mpegts"
)

const (
	// queueBytes and queueAge bound what waits for one reader.
	queueBytes = 8 << 20
	queueAge   = 2 * time.Second
	// itemCost is counted for each chunk or message besides its bytes, so that
	// empty ones are bounded too: 41,943 of them.
	itemCost = 200
)

// ErrClosed is what a queue returns that has been closed.
var ErrClosed = errors.New("closed")

// A Message is what a reader is to write in one go. Its parts are valid until
// it is done with, and are not to be changed.
type Message struct {
	Parts [][]byte
	Text  bool // a text message; otherwise binary
}

// Len is the number of bytes in all parts.
func (m Message) Len() (n int) {
	for _, p := range m.Parts {
		n += len(p)
	}
	return n
}

// A queue is what waits for one reader, at most 8 MiB and 2 s of it, where each
// chunk or message counts for its bytes and 200 more. When it
// is full it drops everything up to the newest random access point in it, all
// of it if that is near its head or there is none, and of messages the oldest;
// what is dropped is counted. It never blocks who pushes.
//
// Under backlog chunks of packets are handed out joined, up to 64 KiB a
// message; messages that are not packets are never joined, cut or reordered.
type queue struct {
	mu              sync.Mutex
	outward         bool // of a reader beyond this machine: what it takes is counted as sent
	bridges         bool // of a stream: discontinuities are made legal, see bridge
	closed          bool
	items           fifo
	bytes           int
	out             []chunk // handed out, until done is called
	parts           [][]byte
	writer          Writer         // that is tried; nil: none
	trying          sync.Mutex     // held while it is
	begun           bool           // out has been tried, and some of it is left
	stale           bool           // some of out has been purged since
	passed          bool           // packets that come after out have been dropped since
	bridged         []uint16       // PIDs of discontinuities that the message handed out has bridged
	discontinuities map[uint16]int // PIDs whose next packet may not follow the last that was handed out, whose counter this is; unknown: it does not
	purged          int            // items that were there at the last purge: what it removed lay among them, or behind
	missed          tables         // the newest that were dropped, to be handed out before what comes next
	restored        tables         // those that the message handed out begins with
	idle            chan struct{}  // closed when out is done with; nil where nobody waits
	wake            chan struct{}  // capacity 1
	sent            uint64         // packets and messages
	sentB           uint64         // bytes
	drops           uint64         // packets and messages
}

func newQueue(outward bool) *queue {
	return &queue{outward: outward, wake: make(chan struct{}, 1), discontinuities: map[uint16]int{}}
}

// push adds a chunk. It never waits. After it comes flush or signal.
func (q *queue) push(c chunk) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.items.push(c.retain())
	q.bytes += len(c.data)
	q.makeRoom(c.at)
}

// signal wakes who takes.
func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// makeRoom drops what the policy says.
func (q *queue) makeRoom(now time.Time) {
	for q.full(now) {
		items := q.items.all()
		run := slices.IndexFunc(items, func(c chunk) bool { return c.format != packets })
		switch run {
		case 0:
			q.dropFirst(1)
			continue
		case -1:
			run = len(items)
		}
		n := run - 1
		for n >= 0 && items[n].rap < 0 {
			n--
		}
		if n < 0 || q.nearHead(n, now) {
			q.dropFirst(run)
			continue
		}
		q.dropFirst(n)
		c := &q.items.all()[0]
		dropped := *c
		dropped.data = c.data[:c.rap]
		q.noteDropped(dropped)
		q.bytes -= c.rap
		*c = c.from(c.rap)
	}
}

func (q *queue) full(now time.Time) bool {
	items := q.items.all()
	return len(items) > 0 && (cost(q.bytes, len(items)) > queueBytes || now.Sub(items[0].at) > queueAge)
}

// cost is what n chunks or messages of so many bytes count for.
func cost(bytes, n int) int { return bytes + n*itemCost }

// nearHead says that to drop what lies before item n would not make much room.
func (q *queue) nearHead(n int, now time.Time) bool {
	items := q.items.all()
	before := items[n].rap
	for _, c := range items[:n] {
		before += len(c.data)
	}
	return cost(q.bytes-before, len(items)-n) > queueBytes/2 || now.Sub(items[n].at) > queueAge/2
}

func (q *queue) dropFirst(n int) {
	for _, c := range q.items.all()[:n] {
		if c.format == packets {
			q.noteDropped(c)
		} else {
			q.drops++
		}
		q.bytes -= len(c.data)
		c.release()
	}
	q.items.drop(n)
	q.purged = max(0, q.purged-n)
}

// take waits for something to write. done has to be called before the next.
func (q *queue) take(ctx context.Context) (Message, error) {
	for {
		q.mu.Lock()
		switch {
		case q.begun:
			q.begun = false
			m := q.message()
			q.mu.Unlock()
			return m, nil
		case q.closed:
			q.mu.Unlock()
			return Message{}, ErrClosed
		case len(q.out) == 0 && len(q.items.all()) > 0:
			m := q.handOut()
			q.mu.Unlock()
			return m, nil
		}
		q.mu.Unlock()
		select {
		case <-q.wake:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		}
	}
}

func (q *queue) handOut() Message {
	items := q.items.all()
	n, size := 1, len(items[0].data)
	most := MaxMessage
	if q.bridges {
		most -= min(len(q.discontinuities), maxBridges)*mpegts.PacketSize + q.missed.len()
	}
	for items[0].format == packets && n < len(items) && items[n].format == packets &&
		size+len(items[n].data) <= most && q.purged == 0 {
		size += len(items[n].data)
		n++
	}
	q.out = append(q.out[:0], items[:n]...)
	q.items.drop(n)
	q.bytes -= size
	among := q.purged > 0
	q.purged = max(0, q.purged-n)
	q.parts, q.bridged, q.restored = q.parts[:0], q.bridged[:0], tables{}
	q.stale, q.passed = false, false
	for _, c := range q.out {
		q.appendPart(c, among)
	}
	return q.message()
}

// message is what is handed out.
func (q *queue) message() Message {
	return Message{Parts: q.parts, Text: q.out[0].format == text}
}

// done says that what was taken has been written, or that it was not and is to
// be handed out again: unless some of it has been purged meanwhile, or some of
// what comes after it has been dropped.
func (q *queue) done(written bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.finish(written)
}

// finish is done for who holds the lock.
func (q *queue) finish(written bool) {
	again := !written && !q.closed && !q.stale && len(q.out) > 0 && (!q.passed || q.out[0].format != packets)
	if !written {
		for _, pid := range q.bridged {
			q.discontinuities[pid] = unknown
		}
		if q.missed.len() == 0 {
			q.missed = q.restored
		}
	}
	if again {
		q.items.putBack(q.out)
		q.purged += len(q.out) // they may be what it left
	}
	if written && q.outward {
		noteSent(q.out)
	}
	for _, c := range q.out {
		switch {
		case again:
			q.bytes += len(c.data)
			continue
		case written:
			q.sent += c.count()
			q.sentB += uint64(len(c.data))
		case q.closed || q.stale:
			q.notePurged(c, nil)
		default:
			q.noteDropped(c)
		}
		c.release()
	}
	clear(q.out)
	q.out = q.out[:0]
	if q.idle != nil {
		close(q.idle)
		q.idle = nil
	}
}

// purge removes what is not among the remainders. The channel is closed
// when a write that holds some of that has ended; it is nil if there is none.
func (q *queue) purge(of func(chunk) remainder) (busy <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	items, n := q.items.all(), 0
	for _, c := range items {
		rest := of(c)
		if len(rest.chunk.data) != len(c.data) {
			q.bytes -= len(c.data) - len(rest.chunk.data)
			q.notePurged(c, rest.lost)
			c.release()
			c = rest.chunk
		}
		if rest.chunk.data != nil {
			items[n] = c
			n++
		}
	}
	q.items.truncate(n)
	if q.purged = min(q.purged, n); len(q.discontinuities) > 0 {
		q.purged = n
	}
	removed := func(c chunk) bool {
		rest := of(c).chunk.data
		return rest == nil || len(rest) != len(c.data)
	}
	if !slices.ContainsFunc(q.out, removed) {
		return nil
	}
	q.stale = true
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	return q.idle
}

// reset empties the queue for a new start.
func (q *queue) reset() {
	q.purge(nothing)
	q.mu.Lock()
	q.missed = tables{}
	q.mu.Unlock()
}

// close ends the queue: take returns ErrClosed from now on.
func (q *queue) close() (busy <-chan struct{}) {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	busy = q.purge(nothing)
	q.signal()
	return busy
}
