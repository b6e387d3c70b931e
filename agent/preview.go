package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vw/command"
	"vw/media"
	"vw/media/picture"
)

const (
	// previewEvery is the least time from one picture to the next, of all feeds
	// and streams together.
	previewEvery = 100 * time.Millisecond
	// previewShare is the part of one processor that pictures may take: a
	// quarter.
	previewShare = 4
	// previewWithin is how long a request waits for a picture to come in, and
	// then for its turn.
	previewWithin = 2 * time.Second
)

// previews makes one picture at a time, and no more than there is time for. A
// picture is made where it is asked for, from what somebody who joins is
// given, and nothing of it stays: where nobody looks there is nothing to pay.
type previews struct {
	turn chan struct{} // capacity 1: who has put something in has the turn
	next time.Time     // when the next picture may be made; of who has the turn
}

func newPreviews() *previews { return &previews{turn: make(chan struct{}, 1)} }

// begin waits for the turn, first come, first served. It fails when ctx ends;
// otherwise end has to be called.
func (p *previews) begin(ctx context.Context) (end func(), err error) {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	rest := time.NewTimer(time.Until(p.next))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
		<-p.turn
		return nil, ctx.Err()
	}
	begun := time.Now()
	return func() {
		p.next = begun.Add(max(previewEvery, previewShare*time.Since(begun)))
		<-p.turn
	}, nil
}

// preview answers with the newest whole picture of a feed or stream.
func (l *local) preview(w http.ResponseWriter, r *http.Request, path string) {
	if !only(w, r, http.MethodGet) {
		return
	}
	name, ok := strings.CutSuffix(path, ".jpg")
	if !ok {
		fail(w, http.StatusNotFound, "a picture is at /preview/<feed or stream>.jpg")
		return
	}
	name, err := command.StreamName(name)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if _, ruled := l.agent.commands.Rules().Streams[name]; !ruled && len(l.agent.router.Feeds(name)) == 0 {
		fail(w, http.StatusNotFound, "there is no such feed and no such stream rule")
		return
	}
	v := view{Subscriber: l.agent.router.Subscribe(media.Subscription{Name: name, Client: true})}
	defer v.Close()
	v.Start()
	jpeg, err := v.picture(r, l.previews)
	if err != nil {
		v.refuse(w, r, name, err)
		return
	}
	w.Header().Set("ETag", v.tag())
	w.Header().Set("Content-Type", "image/jpeg")
	if r.Method == http.MethodHead {
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(jpeg)))
	writeSoon(w)
	_, _ = w.Write(jpeg) // who asked has gone
}

// refuse says why there is no picture, and what to do about it.
func (v *view) refuse(w http.ResponseWriter, r *http.Request, name string, err error) {
	var codec *picture.ErrCodec
	switch {
	case r.Context().Err() != nil: // who asked has gone
	case errors.Is(err, errNotModified):
		w.Header().Set("ETag", v.tag())
		w.WriteHeader(http.StatusNotModified)
	case errors.Is(err, errNoTurn), errors.Is(err, picture.ErrNoPicture):
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusServiceUnavailable, err.Error())
	case errors.As(err, &codec), errors.Is(err, picture.ErrNoVideo), errors.Is(err, picture.ErrTooLarge):
		fail(w, http.StatusUnsupportedMediaType, fmt.Sprintf("%v: open http://%s/ts/%s in VLC, mpv or ffplay", err, r.Host, name))
	default:
		fail(w, http.StatusInternalServerError, "internal error")
	}
}

var (
	errNotModified = errors.New("the picture is the one that the client has")
	errNoTurn      = errors.New("other pictures are being made: ask again in a second")
)

// A view is one request's look at a feed or stream.
type view struct {
	*media.Subscriber
	decoder picture.Decoder
}

// picture makes the picture, none for HEAD.
func (v *view) picture(r *http.Request, p *previews) ([]byte, error) {
	ctx, cancel := context.WithTimeout(r.Context(), previewWithin)
	defer cancel()
	for v.take(ctx) && errors.Is(v.decoder.Err(), picture.ErrNoPicture) {
	}
	v.drain(r.Context())
	if err := v.decoder.Err(); errors.Is(err, picture.ErrNoPicture) {
		return nil, fmt.Errorf("%w in %v: is its source running, and does it send a key picture every second (ffmpeg: -g 25)?", err, previewWithin)
	} else if err != nil {
		return nil, err
	}
	if v.tag() == r.Header.Get("If-None-Match") {
		return nil, errNotModified
	}
	if r.Method == http.MethodHead {
		return nil, nil
	}
	ctx, cancel = context.WithTimeout(r.Context(), previewWithin)
	defer cancel()
	end, err := p.begin(ctx)
	if err != nil {
		return nil, errNoTurn
	}
	defer end()
	v.drain(r.Context())
	return v.decoder.JPEG()
}

// take waits for the next packets. It fails when ctx ends.
func (v *view) take(ctx context.Context) bool {
	m, err := v.Take(ctx)
	if err != nil {
		return false
	}
	for _, part := range m.Parts {
		v.decoder.Write(part)
	}
	v.Done(true)
	return true
}

// drain takes what is there already.
func (v *view) drain(ctx context.Context) {
	for v.Info().Bytes > 0 && v.take(ctx) {
	}
}

// tag is the picture's, as HTTP wants it.
func (v *view) tag() string { return fmt.Sprintf(`"%016x"`, v.decoder.Tag()) }
