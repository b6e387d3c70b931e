package testrelay

import (
	"net"
	"strings"
	"time"
)

// Faults is how a relay misbehaves at some path. They combine: a relay that
// is half open both stalls and is silent.
type Faults struct {
	// HangUp closes the connection instead of answering.
	HangUp bool
	// Delay holds every answer to a request up, the handshake's too. It ends
	// early if the client or the relay does.
	Delay time.Duration
	// Refuse answers with this HTTP status, and with RetryAfter as that
	// header's value and RefuseText as the body where they are set.
	Refuse     int
	RetryAfter string
	RefuseText string
	// Redirect answers 302 and this Location.
	Redirect string
	// WrongAudience answers whoever asks for access with 500, and says that the
	// token's audience is another host, as practable's relay does.
	WrongAudience bool
	// HangUpUpgraded closes the connection after the handshake, without a
	// close frame.
	HangUpUpgraded bool
	// CloseUpgraded sends a close frame with this code after the handshake:
	// 1008 is that of a relay which misses the token.
	CloseUpgraded int
	// Deny sends after the handshake the refusal of the message flow, with this
	// reason, and close code 1008: crossbar does so when it waits for a token
	// that was shown as bearer.
	Deny string
	// UpFor is how long HangUpUpgraded, CloseUpgraded and Deny wait. The link
	// works meanwhile, pongs included.
	UpFor time.Duration
	// NoReply takes the token of the message flow and never answers it.
	NoReply bool
	// Stall reads nothing more, nor answers pings therefore, until it is
	// taken back. Messages still go out. The kernel's receive buffer is made
	// small meanwhile: of what is sent it takes some ten thousand bytes.
	Stall bool
	// ReadRate is how many bytes are read a second, TLS and frames included.
	// 0 is as fast as they come. The receive buffer is as with Stall.
	ReadRate int
	// Silent sends nothing, not even pongs, and throws away what arrives.
	Silent bool
	// Swallow passes nothing on of what arrives, but looks perfect: a relay does
	// so with a token that may only read.
	Swallow bool
	// Glue joins messages of one type that are waiting together to one,
	// with a newline between them, as relays do under load.
	Glue bool
}

// SetFaults sets the faults of a path and all below it, instead of any that
// were set for the same prefix. Of several prefixes the longest counts, alone;
// "/" is every path. Stall, ReadRate, Silent, Swallow and Glue concern the
// present clients too, the others those to come.
//
// The prefix "" is the door: HangUp, Stall and ReadRate there concern
// connections of which no request has been read yet, so not even TLS begins.
func (r *Relay) SetFaults(prefix string, f Faults) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults[prefix] = f
	for c := range r.conns {
		if c.path == "" {
			c.pace(r.faults[""])
		} else {
			c.pace(r.faultsAt(c.path))
		}
	}
}

// faultsAt is for a path that is known. Callers hold r.mu.
func (r *Relay) faultsAt(path string) Faults {
	longest, found := "", Faults{}
	for prefix, f := range r.faults {
		if len(prefix) > len(longest) && under(path, prefix) {
			longest, found = prefix, f
		}
	}
	return found
}

func (r *Relay) faultsNow(path string) Faults {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.faultsAt(path)
}

// under reports whether path is prefix or below it, in whole segments.
func under(path, prefix string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// ends reports whether links end by themselves.
func (f Faults) ends() bool {
	return f.HangUpUpgraded || f.CloseUpgraded != 0 || f.Deny != ""
}

// Drop closes the TCP connections of a path and all below it without a close
// frame, and says how many there were.
func (r *Relay) Drop(prefix string) int {
	conns := r.connsUnder(prefix)
	for _, c := range conns {
		c.Close()
	}
	return len(conns)
}

// Reset is Drop with a TCP reset.
func (r *Relay) Reset(prefix string) int {
	conns := r.connsUnder(prefix)
	for _, c := range conns {
		if tc, ok := c.Conn.(*net.TCPConn); ok {
			tc.SetLinger(0)
		}
		c.Close()
	}
	return len(conns)
}

func (r *Relay) connsUnder(prefix string) []*conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	var conns []*conn
	for c := range r.conns {
		if c.path != "" && under(c.path, prefix) {
			conns = append(conns, c)
		}
	}
	return conns
}

// Disconnect sends the clients of a path and all below it a close frame, and
// says how many there were. It returns when they have answered it, or have
// been cut off after half a second.
func (r *Relay) Disconnect(prefix string, code int) int {
	r.mu.Lock()
	clients := r.clientsUnder(prefix)
	r.mu.Unlock()
	goodbye(clients, code)
	return len(clients)
}

// Expire goes quiet for good towards the present clients of a path and all
// below it, as relays do whose token has run out, and says how many there were.
func (r *Relay) Expire(prefix string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	clients := r.clientsUnder(prefix)
	for _, c := range clients {
		c.expired = true
	}
	return len(clients)
}

// clientsUnder lists the upgraded ones. Callers hold r.mu.
func (r *Relay) clientsUnder(prefix string) []*client {
	var clients []*client
	for c := range r.clients {
		if under(c.path, prefix) {
			clients = append(clients, c)
		}
	}
	return clients
}
