package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vw/cmd/vw/cli"
	"vw/media/mpegts"
)

const (
	// blockPackets is how many null packets a message of the load has.
	blockPackets = 28
	// firstFlight is how many bytes are sent before the first are known to have
	// arrived; from then on it is that and half of those that have.
	firstFlight = 64 << 10
	// Two pings, whose pongs say what has arrived, are at most so many bytes
	// apart, or the message that is sent when so much time has passed.
	markBytes = 16 << 10
	markEvery = 100 * time.Millisecond
	// enough is the part of the rate from which on all of it was carried.
	enough = 0.93
)

func (c *checkup) checkUplink(ctx context.Context) Result {
	switch {
	case c.NoLoad:
		return skipped("you said so")
	case !c.Load && !strings.HasPrefix(c.url.Path, "/in/"):
		return skipped("the path does not begin with /in/: say --load if no agent takes commands there")
	}
	u, err := c.pinger.carry(ctx, c.Rate, c.LoadTime)
	if err != nil {
		return failed(err)
	}
	c.Uplink = &u
	found := fmt.Sprintf("pings took %.0f ms at most meanwhile, %.0f ms before", u.PingMaxMs, c.RoundTrip.Max)
	if u.Taken >= enough*u.Tried {
		return fine("carried all of %s; %s", cli.BitRate(u.Tried), found)
	}
	s := fine("carried %s of %s that were tried; %s", cli.BitRate(u.Taken), cli.BitRate(u.Tried), found)
	s.Do = fmt.Sprintf("let what leaves this machine be %s at most, all feeds together", cli.BitRate(0.8*u.Taken))
	return s
}

var errNoArrival = errors.New("the relay took nothing of what was sent: it answers pings, and reads nothing more")

// nullPackets is a message of them (ISO/IEC 13818-1, 2.4.3.3 and table 2-3).
func nullPackets() []byte {
	p := append([]byte{mpegts.SyncByte, mpegts.NullPID >> 8, mpegts.NullPID & 0xff, 0x10}, bytes.Repeat([]byte{0xff}, mpegts.PacketSize-4)...)
	return bytes.Repeat(p, blockPackets)
}

// A flight is a load that is under way. What has been written says little, since
// kernels on the way hold megabytes: what has arrived is known by the pongs of
// pings that were sent behind it.
type flight struct {
	begun     time.Time
	sent      int // bytes
	marked    int // of them, before the last ping
	markedAt  time.Time
	marks     map[string]time.Time // pings that have not come back, and when they were sent
	arrived   int                  // bytes
	arrivedAt time.Time
	slowest   time.Duration // of the pings
}

// carry sends null packets for so long, at that many bit/s at most.
func (p *pinger) carry(ctx context.Context, rate float64, length time.Duration) (Uplink, error) {
	block := nullPackets()
	f := flight{begun: time.Now(), marks: map[string]time.Time{}}
	end := f.begun.Add(length)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for time.Now().Before(end) {
		due := f.begun.Add(time.Duration(float64(f.sent) * 8 / rate * float64(time.Second)))
		if full := f.sent-f.arrived >= firstFlight+f.arrived/2; !full && !time.Now().Before(due) {
			if err := p.send(&f, block); err != nil {
				return Uplink{}, fmt.Errorf("the link was lost under load: %w", err)
			}
			due = time.Now()
		} else if full || due.After(end) {
			due = end
		}
		timer.Reset(time.Until(due))
		select {
		case got := <-p.pongs:
			f.acked(got)
		case <-timer.C:
		case <-p.lost:
			return Uplink{}, fmt.Errorf("the link was lost under load: %w", p.err)
		case <-ctx.Done():
			return Uplink{}, cli.ErrInterrupted
		}
	}
	if f.arrived == 0 {
		return Uplink{}, errNoArrival
	}
	took := f.arrivedAt.Sub(f.begun)
	if took < length/2 {
		took = length // it has stalled since
	}
	for _, at := range f.marks {
		f.slowest = max(f.slowest, end.Sub(at))
	}
	return Uplink{Tried: rate, Taken: float64(f.arrived) * 8 / took.Seconds(), Seconds: took.Seconds(),
		PingMaxMs: float64(f.slowest) / float64(time.Millisecond)}, nil
}

// send sends a message, and from time to time a ping.
func (p *pinger) send(f *flight, block []byte) error {
	if err := p.Write(false, block); err != nil {
		return err
	}
	f.sent += len(block)
	now := time.Now()
	if f.sent-f.marked < markBytes && now.Sub(f.markedAt) < markEvery {
		return nil
	}
	f.marked, f.markedAt = f.sent, now
	mark := strconv.Itoa(f.sent)
	f.marks[mark] = now
	return p.Ping(mark)
}

// acked notes a pong.
func (f *flight) acked(got pong) {
	at, ours := f.marks[got.data]
	if !ours {
		return
	}
	delete(f.marks, got.data)
	f.arrived, _ = strconv.Atoi(got.data) // it is ours
	f.arrivedAt = got.at
	f.slowest = max(f.slowest, got.at.Sub(at))
}
