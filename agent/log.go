package agent

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// logRate is how many log lines of one kind are written a second, and
	// logBurst how many at once. A kind is a message.
	logRate, logBurst = 10, 50
	// maxLogKinds bounds the kinds that are told apart; all others are one.
	maxLogKinds = 200
	// maxLogValue bounds one value in a line, in bytes.
	maxLogValue = 500
)

// A boundedLog is a log that no flood of commands, posts or requests can fill:
// it writes so many lines of a kind, and logs once a second how many it left out.
type boundedLog struct {
	slog.Handler
	*logLimit
}

// A logLimit is one for a log and all that are derived from it.
type logLimit struct {
	base    *slog.Logger
	mu      sync.Mutex
	kinds   map[string]*logKind
	leftOut map[string]*logKind // of which lines were left out
}

type logKind struct {
	rate  *rate.Limiter
	lines int       // left out and not logged yet
	since time.Time // the first of them
}

func newBoundedLog(log *slog.Logger) (*slog.Logger, *logLimit) {
	l := &logLimit{base: log, kinds: map[string]*logKind{}, leftOut: map[string]*logKind{}}
	return slog.New(boundedLog{log.Handler(), l}), l
}

func (b boundedLog) Handle(ctx context.Context, r slog.Record) error {
	ok := b.allow(r.Message)
	b.flush(time.Second)
	if !ok {
		return nil
	}
	short := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		short.AddAttrs(shorten(a))
		return true
	})
	return b.Handler.Handle(ctx, short)
}

func (b boundedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	var all []slog.Attr
	for _, a := range attrs {
		all = append(all, shorten(a))
	}
	return boundedLog{b.Handler.WithAttrs(all), b.logLimit}
}

func (b boundedLog) WithGroup(name string) slog.Handler {
	return boundedLog{b.Handler.WithGroup(name), b.logLimit}
}

// allow reports whether a line of that kind may be written.
func (l *logLimit) allow(kind string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[kind]
	if k == nil && len(l.kinds) >= maxLogKinds {
		kind = "others"
		k = l.kinds[kind]
	}
	if k == nil {
		k = &logKind{rate: rate.NewLimiter(logRate, logBurst)}
		l.kinds[kind] = k
	}
	if k.rate.Allow() {
		return true
	}
	if k.lines++; k.lines == 1 {
		k.since = time.Now()
		l.leftOut[kind] = k
	}
	return false
}

// flush logs what was left out, where that began so long ago.
func (l *logLimit) flush(after time.Duration) {
	lines := map[string]int{}
	l.mu.Lock()
	for kind, k := range l.leftOut {
		if time.Since(k.since) >= after {
			lines[kind] = k.lines
			k.lines = 0
			delete(l.leftOut, kind)
		}
	}
	l.mu.Unlock()
	for kind, n := range lines {
		l.base.Warn("log lines left out", "like", kind, "lines", n)
	}
}

// shorten cuts what is long.
func shorten(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	var text string
	switch x := v.Any().(type) {
	case string:
		text = x
	case error:
		text = x.Error()
	case []string:
		text = strings.Join(x, " ")
	}
	if len(text) > maxLogValue {
		v = slog.StringValue(strings.ToValidUTF8(text[:maxLogValue], "") + "…")
	}
	return slog.Attr{Key: a.Key, Value: v}
}
