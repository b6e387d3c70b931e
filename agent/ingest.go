package agent

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"vw/command"
	"vw/media"
)

// ts takes a feed's packets, or plays a feed or stream.
func (l *local) ts(w http.ResponseWriter, r *http.Request, name string) {
	if !only(w, r, http.MethodPost, http.MethodPut, http.MethodGet) {
		return
	}
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		l.ingest(w, r, name)
		return
	}
	name, err := command.StreamName(name)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	l.play(w, r, name)
}

// ingest takes one post to its end. ffmpeg shows no HTTP status, so why a post
// was ended is logged too.
func (l *local) ingest(w http.ResponseWriter, r *http.Request, name string) {
	feed, err := command.FeedName(name)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	log := l.agent.log.With("feed", feed)
	control := http.NewResponseController(w)
	unblock := func() { _ = control.SetReadDeadline(time.Unix(1, 0)) }
	stop := context.AfterFunc(r.Context(), unblock)
	defer stop()
	log.Info("post begun", "from", r.RemoteAddr)
	err = l.agent.router.Post(feed, unblock).Copy(r.Body)
	var notTS *media.ErrNotTransportStream
	switch {
	case err == nil:
		log.Info("post ended")
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, media.ErrTakenOver):
		log.Warn("post ended: another post to the same feed has taken it over; two that both come back will do so for ever")
		fail(w, http.StatusConflict, err.Error())
	case errors.As(err, &notTS):
		log.Warn("post refused: no MPEG transport stream", "bytes", notTS.Seen, "seen", strings.ToValidUTF8(string(notTS.First), "."),
			"looks like", http.DetectContentType(notTS.First))
		fail(w, http.StatusUnsupportedMediaType, err.Error()+`: with ffmpeg, write "-f mpegts"`)
	case l.ctx.Err() != nil:
		log.Info("post ended: shutting down")
		fail(w, http.StatusServiceUnavailable, "shutting down")
	case errors.Is(err, io.ErrUnexpectedEOF):
		log.Info("post ended: its sender has gone without an end")
	default:
		log.Info("post ended", "err", err)
		fail(w, http.StatusBadRequest, "the post could not be read")
	}
}

// play writes what a feed or stream carries until the client has gone.
func (l *local) play(w http.ResponseWriter, r *http.Request, name string) {
	w.Header().Set("Content-Type", "video/mp2t")
	if r.Method == http.MethodHead {
		return
	}
	control := http.NewResponseController(w)
	cut := func() { _ = control.SetWriteDeadline(time.Unix(1, 0)) }
	sub := l.agent.router.Subscribe(media.Subscription{Name: name, Client: true, Cut: cut})
	defer sub.Close()
	sub.Start()
	if err := control.Flush(); err != nil {
		return
	}
	for {
		m, err := sub.Take(r.Context())
		if err != nil {
			return
		}
		_ = control.SetWriteDeadline(time.Now().Add(writeWithin))
		for _, part := range m.Parts {
			if err == nil {
				_, err = w.Write(part)
			}
		}
		if err == nil {
			err = control.Flush()
		}
		sub.Done(true)
		if err != nil {
			return
		}
	}
}
