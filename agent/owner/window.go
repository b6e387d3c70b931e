package owner

import (
	"slices"
	"strings"
	"time"
)

const day = 24 * 60 // minutes

// A Window is some hours of some days of the week, in local time, such as
// "mon-fri 08:00-18:00", "sat,sun 00:00-24:00" or "22:00-06:00", which goes past
// midnight. The day is that on which it begins; without one it is every day.
//
// Where daylight saving puts the clock back a window begins the first time that
// the clock shows its beginning, and ends the last time that it shows its end;
// where the clock is put forward over either, it begins or ends at that moment.
type Window struct {
	days     [7]bool // Sunday first
	from, to int     // minutes since midnight; to is greater, and tomorrow beyond a day
	text     string
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func parseWindow(s string) (w Window, err error) {
	words := strings.Fields(strings.ToLower(s))
	bad := invalid("%.60q is no time of the week: write it as mon-fri 08:00-18:00, sat,sun 09:00-12:00 or 22:00-06:00", s)
	if len(words) < 1 || len(words) > 2 || len(s) > 100 {
		return w, bad
	}
	from, to, cut := strings.Cut(words[len(words)-1], "-")
	var fromOK, toOK bool
	w.from, fromOK = parseTime(from)
	w.to, toOK = parseTime(to)
	if !cut || !fromOK || !toOK || w.from == day {
		return Window{}, bad
	}
	if w.from == w.to {
		return Window{}, invalid("%.60q begins and ends at the same time: write a whole day as 00:00-24:00", s)
	}
	if w.to < w.from {
		w.to += day
	}
	days := "sun-sat"
	if len(words) == 2 {
		days = words[0]
	}
	for span := range strings.SplitSeq(days, ",") {
		first, last, cut := strings.Cut(span, "-")
		if !cut {
			last = first
		}
		i, j := slices.Index(weekdays, first), slices.Index(weekdays, last)
		if i < 0 || j < 0 {
			return Window{}, bad
		}
		for ; i != j; i = (i + 1) % 7 {
			w.days[i] = true
		}
		w.days[j] = true
	}
	w.text = strings.Join(words, " ")
	return w, nil
}

// parseTime reads a time of day, 24:00 included, as minutes.
func parseTime(s string) (minutes int, ok bool) {
	if s == "24:00" {
		return day, true
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil
}

func (w Window) String() string { return w.text }

// MarshalText writes it as it was given.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.text), nil }

// UnmarshalText reads what MarshalText wrote.
func (w *Window) UnmarshalText(b []byte) (err error) {
	*w, err = parseWindow(string(b))
	return err
}

// contains reports whether t, in its own location, is in the window.
func (w Window) contains(t time.Time) bool {
	for back := range 2 { // one that goes past midnight began yesterday
		began := time.Date(t.Year(), t.Month(), t.Day()-back, 12, 0, 0, 0, time.UTC)
		if !w.days[began.Weekday()] {
			continue
		}
		first, _ := instants(began, w.from, t.Location())
		_, last := instants(began, w.to, t.Location())
		if !t.Before(first) && t.Before(last) {
			return true
		}
	}
	return false
}

// instants returns the first and the last moment at which the clock shows a time
// of a date: they differ where it is put back. A time that is skipped is the
// moment at which the clock is put forward.
func instants(date time.Time, minutes int, at *time.Location) (first, last time.Time) {
	shown := time.Date(date.Year(), date.Month(), date.Day(), 0, minutes, 0, 0, time.UTC)
	read := func(near time.Time) (t time.Time, valid bool) {
		_, offset := near.In(at).Zone()
		t = shown.Add(-time.Duration(offset) * time.Second).In(at)
		_, real := t.Zone()
		return t, real == offset
	}
	before, validBefore := read(shown.Add(-day * time.Minute))
	after, validAfter := read(shown.Add(day * time.Minute))
	switch {
	case validBefore && validAfter:
		return before, after
	case validBefore:
		return before, before
	case validAfter:
		return after, after
	}
	change, _ := before.ZoneBounds()
	return change, change
}

// nextTime is when the clock shows a time of day next.
func nextTime(s string, now time.Time) (time.Time, error) {
	minutes, ok := parseTime(s)
	if !ok {
		return time.Time{}, invalid("%.40q is no time of day: write it as 18:00", s)
	}
	for days := range 3 {
		_, last := instants(now.AddDate(0, 0, days), minutes, now.Location())
		if last.After(now) {
			return last, nil
		}
	}
	return time.Time{}, invalid("%.40q does not come", s)
}
