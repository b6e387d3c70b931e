package testrelay

import (
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// spare is how many connections there may be besides those of clients: they
// have to be answered that there is no room.
const spare = 64

// door knows the connections and holds them up as the faults say.
type door struct {
	faults  faultTable
	journal *journal
	limit   int // connections
	buffer  int // the kernel's send buffer, in bytes; 0: as it likes
	log     *slog.Logger
	full    rate.Sometimes

	mu    sync.Mutex
	conns map[*conn]struct{}
}

func newDoor(j *journal, clients int, log *slog.Logger) *door {
	return &door{journal: j, limit: clients + spare, log: log, full: rate.Sometimes{Interval: time.Minute}, conns: map[*conn]struct{}{}}
}

// entrance is the listener: it wraps what comes in, or hangs up on it.
type entrance struct {
	net.Listener
	*door
}

func (e entrance) Accept() (net.Conn, error) {
	for {
		c, err := e.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := e.admit(c); c != nil {
			return c, nil
		}
	}
}

// admit returns nil if it hung up.
func (d *door) admit(nc net.Conn) net.Conn {
	d.journal.accept()
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.faults.at("")
	full := len(d.conns) >= d.limit
	if full {
		d.full.Do(func() { d.log.Warn("hung up on a connection: there are too many", "limit", d.limit) })
	}
	if f.HangUp || full {
		nc.Close()
		return nil
	}
	if tc, ok := nc.(*net.TCPConn); ok && d.buffer > 0 {
		tc.SetWriteBuffer(d.buffer)
	}
	c := &conn{Conn: nc, door: d, closed: make(chan struct{}), eased: make(chan struct{})}
	c.pace(f)
	d.conns[c] = struct{}{}
	return c
}

// place says which path a connection turned out to be for: from here on it
// has the faults of that path.
func (d *door) place(c *conn, path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.path = path
	c.pace(d.faults.at(path))
}

func (d *door) forget(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, c)
}

// SetFaults sets the faults of a path and all below it, instead of any that
// were set for the same prefix. Of several prefixes the longest counts, alone;
// "/" is every path. Stall, ReadRate, Silent, Swallow and Glue concern the
// present clients too, the others those to come.
//
// The prefix "" is the door: HangUp, Stall and ReadRate there concern
// connections of which no request has been read yet, so not even TLS begins.
func (d *door) SetFaults(prefix string, f Faults) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults.set(prefix, f)
	for c := range d.conns {
		c.pace(d.faults.at(c.path))
	}
}

// Drop closes the TCP connections of a path and all below it without a close
// frame, and returns how many there were.
func (d *door) Drop(prefix string) int {
	conns := d.under(prefix)
	for _, c := range conns {
		c.Close()
	}
	return len(conns)
}

// Reset is Drop with a TCP reset.
func (d *door) Reset(prefix string) int {
	conns := d.under(prefix)
	for _, c := range conns {
		if tc, ok := c.Conn.(*net.TCPConn); ok {
			tc.SetLinger(0)
		}
		c.Close()
	}
	return len(conns)
}

func (d *door) under(prefix string) []*conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	var conns []*conn
	for c := range d.conns {
		if c.path != "" && under(c.path, prefix) {
			conns = append(conns, c)
		}
	}
	return conns
}
