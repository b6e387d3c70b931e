package owner

import (
	"fmt"
	"strings"
	"time"

	"vw/command"
	"vw/media"
)

// maxFor is the longest that a mute for some time may last.
const maxFor = 366 * 24 * time.Hour

// A Mute is what is muted, and when: until a time, every so often, or always.
type Mute struct {
	Feed  string    `json:"feed"` // a feed, a feed's :video or :audio, or * for all
	Until time.Time `json:"until,omitzero"`
	Every Window    `json:"every,omitzero"`
}

// A When is how a person says it. At most one of them is given.
type When struct {
	Until string `json:"until"` // the time of day, such as 18:00
	For   string `json:"for"`   // such as 45m
	Every string `json:"every"` // as a Window is written
}

// ParseFeed reads what is to be muted. Its error is a *command.Error.
func ParseFeed(entry string) (string, error) {
	if entry == media.MuteAll {
		return entry, nil
	}
	name, part, cut := strings.Cut(entry, ":")
	if cut && part != "video" && part != "audio" {
		return "", invalid("a feed's name may be followed by :video or :audio, and by nothing else")
	}
	feed, err := command.FeedName(name)
	if err != nil {
		return "", err
	}
	if cut {
		feed += ":" + part
	}
	return feed, nil
}

// newMute makes a mute of a feed, as it was said at a time by the clock.
func newMute(feed string, w When, now time.Time, clockUnset bool) (m Mute, err error) {
	if m.Feed, err = ParseFeed(feed); err != nil {
		return m, err
	}
	given := 0
	for _, s := range []string{w.Until, w.For, w.Every} {
		if s != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return m, invalid("until, for and every do not go together: give one, and the others in further mutes")
	case w.Every != "":
		m.Every, err = parseWindow(w.Every)
	case given > 0 && clockUnset:
		return m, invalid("this machine's clock is not set (it says %s): mute without a time", now.Format(time.DateOnly))
	case w.For != "":
		d, bad := time.ParseDuration(w.For)
		if bad != nil || d < time.Second || d > maxFor {
			return m, invalid("%.40q is no time to mute for: write it as 45m or 1h30m, 1s at least and 8784h at most", w.For)
		}
		m.Until = now.Add(d) // with the monotonic clock: it lasts so long whatever becomes of the other
	case w.Until != "":
		m.Until, err = nextTime(w.Until, now)
	}
	return m, err
}

// kind tells mutes apart that one feed may have beside each other.
func (m Mute) kind() int {
	if m.Until.IsZero() {
		return 0
	}
	return 1
}

// over reports whether the mute has ended for good.
func (m Mute) over(now time.Time) bool { return !m.Until.IsZero() && !now.Before(m.Until) }

// by returns the mute as it ends by a clock that may have been set since: one for some
// time lasts so long all the same.
func (m Mute) by(now time.Time) Mute {
	const set = time.Second / 4 // less is the clocks' own difference
	left := m.Until.Sub(now)
	if shown := m.Until.Round(0).Sub(now.Round(0)); (left-shown).Abs() > set && !m.Until.IsZero() {
		m.Until = now.Add(left).Round(0).In(m.Until.Location())
	}
	return m
}

// covers reports whether it mutes now.
func (m Mute) covers(now time.Time) bool {
	return !m.over(now) && (m.Every == Window{} || m.Every.contains(now))
}

func (m Mute) scheduled() bool { return m != Mute{Feed: m.Feed} }

func invalid(format string, args ...any) error {
	return &command.Error{Kind: command.Invalid, Why: fmt.Sprintf(format, args...)}
}
