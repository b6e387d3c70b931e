package forward

import (
	"log/slog"

	"vw/media"
)

// A recorder writes what a rule selects to a file, whatever becomes of the
// rule's link.
type recorder struct {
	*media.Recording
	file string // as the rule names it
	sub  *media.Subscriber
}

// record starts to record. It goes on until the subscription is closed, or the
// forwarder ends and what waits has been written.
func (f *Forwarder) record(recording *media.Recording, file string, from media.Subscription, log *slog.Logger) *recorder {
	r := &recorder{recording, file, f.Router.Subscribe(from)}
	r.Lost = func(n uint64) {
		log.Warn("the disk is too slow: a hole in the recording", "file", r.Info().File, "packets", n)
	}
	r.sub.Start()
	f.children.Go(func() {
		defer r.sub.Close()
		if err := r.Run(f.ctx, r.sub); err != nil {
			log.Error("recording stopped", "file", r.Info().File, "err", err)
		}
	})
	return r
}
