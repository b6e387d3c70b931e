package local

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"vw/command"
	"vw/media"
)

// drainTimeout bounds how long a post that is ended early is read on before it is
// answered: a sender that pauses is not waited for, and one that goes on does not
// see its connection reset in place of the answer.
const drainTimeout = 250 * time.Millisecond

// ingest takes one post to its end.
func (h *handlers) ingest(w http.ResponseWriter, r *http.Request, name string) {
	feed, err := command.FeedName(name)
	if err != nil {
		h.misplaced.tell(h.Log, r)
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	log := h.Log.With("feed", feed)
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // it is live
	unblock := func() { _ = control.SetReadDeadline(time.Unix(1, 0)) }
	stop := context.AfterFunc(r.Context(), unblock)
	defer stop()
	log.Debug("post", "from", r.RemoteAddr)
	post := h.Router.Post(feed, unblock)
	post.Begun = func(posts int) {
		if posts == 1 {
			log.Info("post begun", "from", r.RemoteAddr)
		} else {
			log.Info("posts go on from each other: one source", "posts", posts, "from", r.RemoteAddr)
		}
	}
	err = post.Copy(readingAhead(r))
	_ = control.SetReadDeadline(time.Now().Add(drainTimeout))
	extendWrite(w)
	writeEnd(w, r, log, post, err)
}

// writeEnd answers a post, and logs why it was ended: ffmpeg shows no HTTP status.
func writeEnd(w http.ResponseWriter, r *http.Request, log *slog.Logger, post *media.Post, err error) {
	var notTS *media.NotTransportStreamError
	switch {
	case err == nil && post.GoesOn():
		log.Debug("post ended")
		w.WriteHeader(http.StatusNoContent)
	case err == nil:
		log.Info("post ended")
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, media.ErrEmptyPost) && unframed(r):
		log.Warn("post refused: it has neither a length nor chunks", "from", r.RemoteAddr)
		writeError(w, http.StatusLengthRequired, `the post has neither Content-Length nor chunks, so that HTTP gives it no body: with ffmpeg leave "-chunked_post 0" out; from others use HTTP/1.1 with chunks`)
	case errors.Is(err, media.ErrEmptyPost):
		log.Warn("post ended: it held nothing", "from", r.RemoteAddr)
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, media.ErrTakenOver):
		log.Warn("post ended: another post to the same feed has taken it over; two that both come back will do so for ever")
		writeError(w, http.StatusConflict, err.Error())
	case errors.As(err, &notTS) && notTS.Packets != 0:
		log.Warn("post refused: packets of another size than 188 bytes", "size", notTS.Packets)
		writeError(w, http.StatusUnsupportedMediaType, err.Error()+`: with ffmpeg leave "-mpegts_m2ts_mode" out, or convert it with "-c copy -f mpegts"`)
	case errors.As(err, &notTS):
		log.Warn("post refused: no MPEG transport stream", "bytes", notTS.Seen, "seen", strings.ToValidUTF8(string(notTS.First), "."),
			"format", notTS.Format())
		writeError(w, http.StatusUnsupportedMediaType, err.Error()+`: with ffmpeg, write "-f mpegts"`)
	case errors.Is(context.Cause(r.Context()), errStopping):
		log.Info("post ended: shutting down")
		writeError(w, http.StatusServiceUnavailable, "shutting down")
	case errors.Is(err, io.ErrUnexpectedEOF):
		log.Info("post ended: its sender has gone without an end")
	default:
		log.Info("post ended", "err", err)
		writeError(w, http.StatusBadRequest, "the post could not be read")
	}
}

// unframed reports whether nothing in a request tells how long its body is: then
// HTTP/1.1 gives it none (RFC 9112, 6.3), whatever follows.
func unframed(r *http.Request) bool {
	return r.ContentLength == 0 && r.Header.Get("Content-Length") == "" && len(r.TransferEncoding) == 0
}

// play writes what a feed or stream carries until the client has gone.
func (h *handlers) play(w http.ResponseWriter, r *http.Request, name string) {
	name, err := command.StreamName(name)
	if err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", "video/mp2t")
	if r.Method == http.MethodHead {
		return
	}
	control := http.NewResponseController(w)
	abort := func() { _ = control.SetWriteDeadline(time.Unix(1, 0)) }
	sub := h.Router.Subscribe(media.Subscription{Name: name, Client: true, Cut: abort})
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
		extendWrite(w)
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
