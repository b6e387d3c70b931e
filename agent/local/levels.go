package local

import (
	"bytes"
	"context"

	"vw/media"
	"vw/media/filler"
	"vw/media/mpegts"
)

// maxUnheard bounds the frames that wait to be told, in bytes.
const maxUnheard = 64 << 10

// A level is how loud a feed's sound has been since the one before: of layer II
// the agent tells it, of AAC and layer III the browser finds out of the frames.
type level struct {
	DB     *float64 `json:"dB,omitempty"` // of the loudest frame; 0 is a sine of full scale, see filler.Level
	Frames [][]byte `json:"frames,omitempty"`
}

// ears listen to feeds that have sound, for as long as somebody looks.
type ears struct {
	router *media.Router
	of     map[string]*ear
}

// levels tells of every feed whose source sends sound that a level is known of.
func (e *ears) levels(ctx context.Context) map[string]level {
	told := map[string]level{}
	feeds := e.router.Feeds()
	for name, f := range feeds {
		if e.of[name] == nil && audible(f) {
			e.of[name] = newEar(e.router, name)
		}
	}
	for name, x := range e.of {
		if !audible(feeds[name]) {
			x.Close()
			delete(e.of, name)
		} else if l := x.listen(ctx); l.DB != nil || l.Frames != nil {
			told[name] = l
		}
	}
	return told
}

func (e *ears) close() {
	for _, x := range e.of {
		x.Close()
	}
}

// audible reports whether a source sends sound.
func audible(f media.FeedInfo) bool {
	for _, t := range f.Tracks {
		if f.Source && t.Kind == mpegts.Audio.String() {
			return true
		}
	}
	return false
}

// An ear follows the first sound of one feed.
type ear struct {
	*media.Subscriber
	track mpegts.TrackReader
	es    []byte // that has not been told
}

func newEar(r *media.Router, feed string) *ear {
	x := &ear{Subscriber: r.Subscribe(media.Subscription{Name: feed, OfFeed: true, Client: true})}
	x.Start()
	return x
}

// listen takes what has come in, and tells how loud that is.
func (x *ear) listen(ctx context.Context) (l level) {
	for x.Info().Bytes > 0 {
		m, err := x.Take(ctx)
		if err != nil {
			return level{}
		}
		for _, part := range m.Parts {
			for p := range mpegts.Packets(part) {
				x.take(p)
			}
		}
		x.Done(true)
	}
	switch name, _ := x.track.Track.Codec(); name {
	case "aac", "mp2":
	default:
		return level{}
	}
	frames := x.frames()
	if dB, ok := filler.Level(x.track.Track.Type, bytes.Join(frames, nil)); ok {
		return level{DB: &dB}
	}
	return level{Frames: frames}
}

func (x *ear) take(p mpegts.Packet) {
	piece := x.track.Take(mpegts.Audio, p)
	if piece.Changed || piece.Lost || len(x.es) > maxUnheard {
		x.es = nil
	}
	x.es = append(x.es, piece.Data...)
}

// frames are the whole ones that have come.
func (x *ear) frames() (list [][]byte) {
	for len(x.es) >= mpegts.AudioHeader {
		f, ok := mpegts.ReadAudioFrame(x.es)
		switch {
		case !ok:
			x.es = x.es[1:]
			continue
		case f.Bytes > len(x.es):
			return list
		}
		list = append(list, x.es[:f.Bytes:f.Bytes])
		x.es = x.es[f.Bytes:]
	}
	return list
}
