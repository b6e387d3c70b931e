package doctor

import (
	"context"
	"fmt"
	"time"
	"vw/agent/link"
	"vw/cmd/vw/cli"
)

// maxWords is how much of a message is looked at, in bytes: a relay that refuses
// may say why.
const maxWords = 64 << 10

// A pinger is a link on which pings go out and pongs are waited for. Whatever
// else comes in is passed over.
type pinger struct {
	*link.Conn
	timeout time.Duration
	pongs   chan pong
	lost    chan struct{} // closed when the link is lost, and err says why
	err     error
	stop    context.CancelFunc
}

type pong struct {
	data string
	at   time.Time
}

func newPinger(conn *link.Conn, timeout time.Duration) *pinger {
	const most = 1024 // pongs that nobody has taken; a stranger's are dropped
	ctx, cancel := context.WithCancel(context.Background())
	p := &pinger{Conn: conn, timeout: timeout, pongs: make(chan pong, most), lost: make(chan struct{}), stop: cancel}
	conn.Pong = func(data string) {
		select {
		case p.pongs <- pong{data, time.Now()}:
		default:
		}
	}
	go func() {
		defer close(p.lost)
		p.err = conn.Serve(ctx, maxWords, func([]byte, bool) {}, link.UntilLost)
	}()
	return p
}

// close hangs up. What is left of a load is for nobody.
func (p *pinger) close(loaded bool) {
	if p.stop(); loaded {
		p.Abort()
	}
	<-p.lost
}

// trip is one round trip.
func (p *pinger) trip(ctx context.Context, data string) (time.Duration, error) {
	begun := time.Now()
	_ = p.Ping(data) // that it failed shows in the loss
	timer := time.NewTimer(p.timeout)
	defer timer.Stop()
	for {
		select {
		case got := <-p.pongs:
			if got.data == data {
				return got.at.Sub(begun), nil
			}
		case <-p.lost:
			return 0, fmt.Errorf("the link was lost: %w", p.err)
		case <-timer.C:
			return 0, &link.Error{Code: link.CodeNoPong, Text: fmt.Sprintf("the relay upgraded the link and answers no ping within %v", p.timeout)}
		case <-ctx.Done():
			return 0, cli.ErrInterrupted
		}
	}
}
