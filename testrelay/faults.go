package testrelay

import (
	"maps"
	"strings"
	"sync/atomic"
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

// faultTable holds the faults by prefix. It is written by one goroutine at a time.
type faultTable struct {
	byPrefix atomic.Pointer[map[string]Faults]
}

func (t *faultTable) set(prefix string, f Faults) {
	next := map[string]Faults{}
	if now := t.byPrefix.Load(); now != nil {
		maps.Copy(next, *now)
	}
	next[prefix] = f
	t.byPrefix.Store(&next)
}

// at returns the faults of a path; those of "" are the door's.
func (t *faultTable) at(path string) Faults {
	table := t.byPrefix.Load()
	if table == nil {
		return Faults{}
	}
	if path == "" {
		return (*table)[""]
	}
	longest, found := "", Faults{}
	for prefix, f := range *table {
		if len(prefix) > len(longest) && under(path, prefix) {
			longest, found = prefix, f
		}
	}
	return found
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
