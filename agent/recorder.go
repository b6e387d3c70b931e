package agent

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
// context ends and what waits has been written.
func (f *forward) record(rec *media.Recording, file, stream string, ofStream bool, log *slog.Logger) *recorder {
	r := &recorder{rec, file, f.router.Subscribe(media.Subscription{Name: stream, OfStream: ofStream})}
	r.sub.Start()
	f.records.Go(func() {
		defer r.sub.Close()
		if err := r.Run(f.recording, r.sub); err != nil {
			log.Error("recording stopped", "file", r.Info().File, "err", err)
		}
	})
	return r
}
