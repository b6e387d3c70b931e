package testrelay

import (
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"vw/media/picture"
)

const (
	// viewEvery is the least time between two pictures of a topic.
	viewEvery = 100 * time.Millisecond
	// viewFor is how long a topic is followed after somebody has looked.
	viewFor = 5 * time.Second
	// viewTick is how long what came in on it waits to be read, at most.
	viewTick = time.Second
)

//go:embed view.html
var viewHTML string

// views are the topics that somebody looks at.
type views struct {
	mu  sync.Mutex
	all map[string]*view
}

// A view follows one topic as a reader of /out does, while somebody looks, and
// has no goroutine.
type view struct {
	mu      sync.Mutex
	sub     *Subscription
	decoder picture.Decoder
	asked   time.Time
	last    []arrival // of the last second
	bytes   int       // in them
	newest  time.Time // when the newest picture had come in
	jpeg    []byte    // made of the picture of this tag
	made    time.Time
	tag     uint64
}

// An arrival is when a number of bytes came in.
type arrival struct {
	at    time.Time
	bytes int
}

// view answers /view/<topic> and /view/<topic>.jpg. They are neither visits
// nor subject to faults.
func (r *Relay) view(w http.ResponseWriter, req *http.Request, topic string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	topic, isPicture := strings.CutSuffix(topic, ".jpg")
	switch {
	case req.Method != http.MethodGet && req.Method != http.MethodHead:
		w.Header().Set("Allow", "GET")
		http.Error(w, "this is for looking at: use GET", http.StatusMethodNotAllowed)
	case topic == "":
		http.Error(w, "a topic is missing: /view/<topic>", http.StatusNotFound)
	case r.cfg.Auth != NoAuth && !r.authorised(bearer(req)):
		http.Error(w, "token is missing or wrong", http.StatusUnauthorized)
	case isPicture:
		r.viewPicture(w, req, topic)
	default:
		nonce := rand.Text()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src 'nonce-%[1]s'; style-src 'nonce-%[1]s'; "+
			"img-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", nonce))
		_, _ = strings.NewReplacer("{{.Topic}}", html.EscapeString(topic), "{{.Nonce}}", nonce).WriteString(w, viewHTML)
	}
}

func (r *Relay) viewPicture(w http.ResponseWriter, req *http.Request, topic string) {
	v := r.follow(topic)
	defer v.mu.Unlock()
	now := time.Now()
	v.read(now)
	w.Header().Set("X-Bitrate", strconv.Itoa(v.bytes*8)) // bit/s
	jpeg, err := v.picture(now)
	var codec *picture.ErrCodec
	switch {
	case errors.As(err, &codec), errors.Is(err, picture.ErrNoVideo), errors.Is(err, picture.ErrTooLarge):
		http.Error(w, err.Error(), http.StatusUnsupportedMediaType)
		return
	case err != nil:
		w.Header().Set("Retry-After", "1")
		http.Error(w, v.why(), http.StatusServiceUnavailable)
		return
	}
	tag := fmt.Sprintf(`"%016x"`, v.tag)
	w.Header().Set("ETag", tag)
	w.Header().Set("X-Picture-Age", strconv.FormatInt(now.Sub(v.newest).Milliseconds(), 10))
	w.Header().Set("Content-Type", "image/jpeg")
	if req.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(jpeg)))
	_ = http.NewResponseController(w).SetWriteDeadline(now.Add(writeWait))
	_, _ = w.Write(jpeg)
}

// follow returns the view of a topic, locked.
func (r *Relay) follow(topic string) *view {
	r.views.mu.Lock()
	defer r.views.mu.Unlock()
	v := r.views.all[topic]
	if v == nil {
		v = &view{sub: r.Subscribe(topic)}
		if r.views.all == nil {
			r.views.all = map[string]*view{}
		}
		r.views.all[topic] = v
		time.AfterFunc(viewTick, func() { r.tick(v) })
	}
	v.mu.Lock()
	v.asked = time.Now()
	return v
}

// tick reads what waits, or ends a view that nobody has asked for.
func (r *Relay) tick(v *view) {
	r.views.mu.Lock()
	defer r.views.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if now.Sub(v.asked) > viewFor {
		v.sub.Close()
		delete(r.views.all, v.sub.topic)
		return
	}
	v.read(now)
	time.AfterFunc(viewTick, func() { r.tick(v) })
}

// read takes what has come in. It does not decode.
func (v *view) read(now time.Time) {
	for _, m := range v.sub.Drain() {
		before := v.decoder.Tag()
		v.decoder.Write(m.Data)
		if v.decoder.Tag() != before {
			v.newest = m.At
		}
		v.bytes += len(m.Data)
		v.last = append(v.last, arrival{m.At, len(m.Data)})
	}
	for len(v.last) > 0 && now.Sub(v.last[0].at) > time.Second {
		v.bytes -= v.last[0].bytes
		v.last = v.last[1:]
	}
}

// picture makes a new one where there is one and it is time for it.
func (v *view) picture(now time.Time) ([]byte, error) {
	if err := v.decoder.Err(); err != nil {
		v.jpeg = nil
		return nil, err
	}
	if v.jpeg != nil && (v.tag == v.decoder.Tag() || now.Sub(v.made) < viewEvery) {
		return v.jpeg, nil
	}
	jpeg, err := v.decoder.JPEG()
	if err == nil {
		v.jpeg, v.made, v.tag = jpeg, now, v.decoder.Tag()
	}
	return jpeg, err
}

// why says in words that there is no picture.
func (v *view) why() string {
	if len(v.last) == 0 {
		return "nothing comes in on this topic"
	}
	return "something comes in, but no whole picture of MPEG-1 video yet"
}
