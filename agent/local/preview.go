package local

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
	// previewInterval is the least time from one picture to the next, of all feeds
	// and streams together.
	previewInterval = 100 * time.Millisecond
	// previewShare is the part of one processor that pictures may take: a
	// quarter.
	previewShare = 4
	// previewTimeout is how long a request waits for a picture to come in, and
	// then for its turn.
	previewTimeout = 2 * time.Second
)

// A picturer makes one picture at a time, and no more than there is time for. A
// picture is made where it is asked for, from what somebody who joins is given, and
// nothing of it stays: where nobody looks there is nothing to pay. Whoever takes
// the one there is out of its channel has the turn, first come, first served.
type picturer struct {
	next time.Time // when the next picture may be made
}

// jpeg makes a picture, when there is time for one before ctx ends.
func (p *picturer) jpeg(ctx context.Context, v *view) ([]byte, error) {
	if end, ok := ctx.Deadline(); ok && p.next.After(end) {
		return nil, noTurnError(time.Until(p.next))
	}
	rest := time.NewTimer(time.Until(p.next))
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
		return nil, noTurnError(time.Until(p.next))
	}
	begun := time.Now()
	defer func() { p.next = begun.Add(max(previewInterval, previewShare*time.Since(begun))) }()
	v.drain(ctx)
	return v.decoder.JPEG()
}

// preview answers with the newest whole picture of a feed or stream: of MPEG-1 video
// as a JPEG, of H.264 as it is coded, behind those that it needs.
func (h *handlers) preview(w http.ResponseWriter, r *http.Request, path string) {
	name, isJPEG := strings.CutSuffix(path, ".jpg")
	name, isH264 := strings.CutSuffix(name, ".h264")
	if isJPEG == isH264 {
		writeError(w, http.StatusNotFound, "a picture is at /preview/<feed or stream>.jpg, or .h264 where it is so coded")
		return
	}
	name, err := command.StreamName(name)
	if err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	if _, ruled := h.Commands.Rules().Streams[name]; !ruled && len(h.Router.Feeds(name)) == 0 {
		writeError(w, http.StatusNotFound, "there is no such feed and no such stream rule")
		return
	}
	v := view{Subscriber: h.Router.Subscribe(media.Subscription{Name: name, Client: true})}
	defer v.Close()
	v.Start()
	var picture []byte
	if isH264 {
		v.looker = &v.coded
		picture, err = v.group(r)
		w.Header().Set("Content-Type", "video/h264")
	} else {
		v.looker = &v.decoder
		picture, err = v.picture(r, h.pictures)
		w.Header().Set("Content-Type", "image/jpeg")
	}
	if err != nil {
		v.refuse(w, r, name, err)
		return
	}
	if isJPEG {
		w.Header().Set("ETag", v.tag())
	}
	if r.Method == http.MethodHead {
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(picture)))
	extendWrite(w)
	_, _ = w.Write(picture) // the client may have gone
}

// refuse says why there is no picture, and what to do about it.
func (v *view) refuse(w http.ResponseWriter, r *http.Request, name string, err error) {
	var codec *picture.CodecError
	var later noTurnError
	switch {
	case r.Context().Err() != nil: // the client has gone
	case errors.Is(err, errNotModified):
		w.Header().Set("ETag", v.tag())
		w.WriteHeader(http.StatusNotModified)
	case errors.As(err, &later):
		w.Header().Set("Retry-After", strconv.Itoa(later.seconds()))
		writeError(w, http.StatusTooManyRequests, err.Error())
	case errors.Is(err, picture.ErrNoPicture):
		w.Header().Set("Retry-After", "1")
		writeError(w, http.StatusServiceUnavailable, err.Error())
	case errors.As(err, &codec), errors.Is(err, picture.ErrNoVideo), errors.Is(err, picture.ErrTooLarge):
		writeError(w, http.StatusUnsupportedMediaType, fmt.Sprintf("%v: open http://%s/ts/%s in VLC, mpv or ffplay", err, r.Host, name))
	default:
		writeError(w, http.StatusInternalServerError, "internal error")
	}
}

var errNotModified = errors.New("the picture is the one that the client has")

// A noTurnError is how long it takes, at least, until there is time for a picture.
type noTurnError time.Duration

func (e noTurnError) seconds() int { return 1 + int(time.Duration(e)/time.Second) }

func (e noTurnError) Error() string {
	return fmt.Sprintf("other pictures are being made: ask again in %d s", e.seconds())
}

// A view is one request's look at a feed or stream.
type view struct {
	*media.Subscriber
	looker  looker // the one of these that is asked for
	decoder picture.Decoder
	coded   picture.Coded
}

// A looker takes pictures out of packets.
type looker interface {
	Write(packets []byte)
	Err() error // why there is none
}

// await waits for a picture.
func (v *view) await(r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), previewTimeout)
	defer cancel()
	for v.take(ctx) && errors.Is(v.looker.Err(), picture.ErrNoPicture) {
	}
	v.drain(r.Context())
	err := v.looker.Err()
	if errors.Is(err, picture.ErrNoPicture) {
		return fmt.Errorf("%w in %v: is its source running, and does it send a key picture every second (ffmpeg: -g 25)?", err, previewTimeout)
	}
	return err
}

// group is the newest picture as it is coded, behind those that it needs.
func (v *view) group(r *http.Request) ([]byte, error) {
	if err := v.await(r); err != nil {
		return nil, err
	}
	return v.coded.Bytes(), nil
}

// picture makes the picture, none for HEAD.
func (v *view) picture(r *http.Request, turns chan picturer) ([]byte, error) {
	if err := v.await(r); err != nil {
		return nil, err
	}
	if v.tag() == r.Header.Get("If-None-Match") {
		return nil, errNotModified
	}
	if r.Method == http.MethodHead {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), previewTimeout)
	defer cancel()
	select {
	case p := <-turns:
		defer func() { turns <- p }()
		return p.jpeg(ctx, v)
	case <-ctx.Done():
		return nil, noTurnError(0)
	}
}

// take waits for the next packets. It fails when ctx ends.
func (v *view) take(ctx context.Context) bool {
	m, err := v.Take(ctx)
	if err != nil {
		return false
	}
	for _, part := range m.Parts {
		v.looker.Write(part)
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
