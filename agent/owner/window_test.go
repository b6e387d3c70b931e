package owner_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the rules of these places, wherever the test runs

	"vw/agent/owner"
)

// place is where a test's clock is.
func place(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// changes lists when a mute begins and ends between two days, looking every half hour.
func changes(t *testing.T, loc *time.Location, every string, from, to string) string {
	t.Helper()
	day := func(s string) time.Time {
		at, err := time.ParseInLocation(time.DateOnly, s, loc)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	now := day(from)
	b := newBench(t, owner.Config{Now: func() time.Time { return now }}, owner.State{})
	b.mute("f", owner.When{Every: every})
	var found []string
	for was := false; now.Before(day(to)); now = now.Add(30 * time.Minute) {
		if is := b.Info().Schedule[0].Now; is != was {
			found = append(found, now.Format("2 15:04 MST"))
			was = is
		}
	}
	return strings.Join(found, ", ")
}

func TestWindowsKeepToTheClockOnTheWall(t *testing.T) {
	for _, c := range []struct{ zone, every, from, to, want string }{
		// an ordinary week that begins on a Monday
		{"Europe/Berlin", "mon-tue 08:00-18:00", "2026-11-23", "2026-11-30", "23 08:00 CET, 23 18:00 CET, 24 08:00 CET, 24 18:00 CET"},
		{"Europe/Berlin", "Sat,SUN 09:30-12:00", "2026-11-23", "2026-11-30", "28 09:30 CET, 28 12:00 CET, 29 09:30 CET, 29 12:00 CET"},
		{"Europe/Berlin", "sun-mon 00:00-24:00", "2026-11-22", "2026-11-30", "22 00:00 CET, 24 00:00 CET, 29 00:00 CET"},
		{"Europe/Berlin", "fri 22:00-06:00", "2026-11-23", "2026-11-30", "27 22:00 CET, 28 06:00 CET"},
		{"Europe/Berlin", "22:00-06:00", "2026-11-23", "2026-11-25", "23 00:00 CET, 23 06:00 CET, 23 22:00 CET, 24 06:00 CET, 24 22:00 CET"},
		// put back on 25 October, 03:00 CEST: 02:00 to 03:00 comes twice
		{"Europe/Berlin", "sun 01:30-02:30", "2026-10-25", "2026-10-26", "25 01:30 CEST, 25 02:30 CET"},
		{"Europe/Berlin", "sun 02:30-03:00", "2026-10-25", "2026-10-26", "25 02:30 CEST, 25 03:00 CET"},
		{"Europe/Berlin", "sat 22:00-06:00", "2026-10-24", "2026-10-26", "24 22:00 CEST, 25 06:00 CET"},
		{"Europe/Berlin", "sun 08:00-18:00", "2026-10-25", "2026-10-26", "25 08:00 CET, 25 18:00 CET"},
		// put forward on 29 March, 02:00 CET: 02:00 to 03:00 does not come
		{"Europe/Berlin", "sun 02:30-04:00", "2026-03-29", "2026-03-30", "29 03:00 CEST, 29 04:00 CEST"},
		{"Europe/Berlin", "sun 01:00-02:30", "2026-03-29", "2026-03-30", "29 01:00 CET, 29 03:00 CEST"},
		{"Europe/Berlin", "sun 02:00-03:00", "2026-03-29", "2026-03-30", ""},
		// elsewhere, also by half an hour
		{"America/New_York", "sun 02:30-04:00", "2026-03-08", "2026-03-09", "8 03:00 EDT, 8 04:00 EDT"},
		{"America/New_York", "sun 01:30-02:00", "2026-11-01", "2026-11-02", "1 01:30 EDT, 1 02:00 EST"},
		{"Australia/Lord_Howe", "sun 01:30-02:30", "2026-04-05", "2026-04-06", "5 01:30 +11, 5 02:30 +1030"},
	} {
		if got := changes(t, place(t, c.zone), c.every, c.from, c.to); got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.every, c.zone, got, c.want)
		}
	}
}

func TestUntilIsTheNextTimeThatTheClockShowsIt(t *testing.T) {
	berlin := place(t, "Europe/Berlin")
	for _, c := range []struct{ now, until, want string }{
		{"2026-11-24T12:00:00+01:00", "18:00", "2026-11-24T18:00:00+01:00"},
		{"2026-11-24T18:00:00+01:00", "18:00", "2026-11-25T18:00:00+01:00"},
		{"2026-11-24T18:00:00+01:00", "24:00", "2026-11-25T00:00:00+01:00"},
		{"2026-10-25T02:15:00+02:00", "02:30", "2026-10-25T02:30:00+01:00"}, // comes twice
		{"2026-10-25T02:45:00+02:00", "02:30", "2026-10-25T02:30:00+01:00"},
		{"2026-03-29T01:00:00+01:00", "02:30", "2026-03-29T03:00:00+02:00"}, // does not come
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		b := newBench(t, owner.Config{Now: func() time.Time { return now.In(berlin) }}, owner.State{})
		m, err := b.NewMute("f", owner.When{Until: c.until})
		if got := m.Until.Format(time.RFC3339); err != nil || got != c.want {
			t.Errorf("at %s until %s: %s, %v, want %s", c.now, c.until, got, err, c.want)
		}
	}
}

func TestTimesThatAreNoneAreRefusedInWords(t *testing.T) {
	b := newBench(t, owner.Config{}, owner.State{})
	for _, w := range []owner.When{
		{Every: "mon"}, {Every: "mon 8-18"}, {Every: "mon-fri 08:00"}, {Every: "mon - fri 08:00-18:00"}, {Every: "monday 08:00-18:00"},
		{Every: "mon,,fri 08:00-18:00"}, {Every: "08:00-25:00"}, {Every: "24:00-08:00"}, {Every: "08:00-08:00"}, {Every: "-"}, {Every: " "},
		{Every: strings.Repeat("mon,", 30) + "mon 08:00-18:00"},
		{Until: "6pm"}, {Until: "18"}, {Until: "25:00"}, {For: "45"}, {For: "-1h"}, {For: "0s"}, {For: "9999h"}, {For: "soon"},
		{Until: "18:00", For: "45m"},
	} {
		if m, err := b.NewMute("f", w); err == nil || len(err.Error()) < 20 {
			t.Errorf("%+v: %+v, %v", w, m, err)
		}
	}
	if len(b.Info().Schedule) > 0 {
		t.Error("something was changed")
	}
}
