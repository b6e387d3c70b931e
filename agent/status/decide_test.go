package status_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vw/agent/link"
	"vw/agent/owner"
	"vw/agent/status"
	"vw/media"
)

func ms(n int64) *int64 { return &n }

// fed is a feed on which a picture and sound came in so many ms ago.
func fed(age int64, muted ...string) status.Feed {
	track := func(kind string) media.TrackInfo { return media.TrackInfo{Kind: kind, AgeMs: ms(age), SilentMs: age} }
	return status.Feed{FeedInfo: media.FeedInfo{Source: true, Packets: 9, AgeMs: ms(age), Bitrate: 1000, Muted: muted,
		Tracks: []media.TrackInfo{track("video"), track("audio")}}}
}

// halting is a feed on which a picture comes in, and no sound any more.
func halting(muted ...string) status.Feed {
	f := fed(10, muted...)
	f.Tracks[1].AgeMs, f.Tracks[1].SilentMs = ms(9000), 9000
	return f
}

func made(feeds ...string) status.Stream {
	return status.Stream{StreamInfo: media.StreamInfo{Feeds: feeds, Bitrate: 1000, Tracks: []media.TrackInfo{{Kind: "video"}}}}
}

func up() link.Info { return link.Info{State: link.Up} }

func down(code link.Code) link.Info {
	return link.Info{State: link.Waiting, LastError: "why", ErrorCode: code}
}

// A situation is one destination, of what is named x, and what is decided of it.
type situation struct {
	feed      status.Feed    // x
	stream    *status.Stream // x, where it is one
	link      link.Info
	queue     media.QueueInfo
	former    *link.Info
	condition status.Condition
	code      link.Code // of the problem; "" for none
	feedIs    status.Condition
}

func TestEveryConditionOfADestination(t *testing.T) {
	linked, past := up(), time.Now().Add(-time.Hour)
	expired, readOnly := up(), up()
	expired.Expires, expired.Renew, readOnly.ReadOnly = &past, &past, true
	soon, future := up(), time.Now().Add(time.Hour)
	soon.Expires, soon.Renew = &future, &past
	partly, none, gone, lacking := made("x", "y"), made(), made(), made("x:video")
	picture, sound, both := made("x:video"), made("x:audio"), made("x:video", "x:audio")
	named := fed(10) // its table names sound, none of which has come so far
	named.Tracks[1].AgeMs, named.Tracks[1].SilentMs = nil, 500
	never := fed(10)
	never.Tracks[1].AgeMs, never.Tracks[1].SilentMs = nil, 5000
	none.Feeds, gone.Feeds = []string{}, nil
	lacking.Tracks, lacking.Missing = nil, map[string]string{"x:video": "no video among its tracks: mp2"}
	messages := status.Feed{FeedInfo: media.FeedInfo{Packets: 1, AgeMs: ms(99_000)}}
	for name, s := range map[string]situation{
		"all is well":             {fed(10), nil, up(), media.QueueInfo{}, nil, status.OnAir, "", status.OnAir},
		"messages, long ago":      {messages, nil, up(), media.QueueInfo{}, nil, status.OnAir, "", status.OnAir},
		"muted":                   {fed(10, "all"), nil, up(), media.QueueInfo{}, nil, status.Muted, "", status.Muted},
		"both parts muted":        {fed(10, "video", "audio"), nil, up(), media.QueueInfo{}, nil, status.Muted, "", status.Muted},
		"a part muted":            {fed(10, "audio"), nil, up(), media.QueueInfo{}, nil, status.OnAir, "", status.OnAir},
		"a part muted, none in":   {fed(9000, "audio"), nil, up(), media.QueueInfo{}, nil, status.Missing, status.CodeNothingComesIn, status.Missing},
		"nothing comes in":        {fed(9000), nil, up(), media.QueueInfo{}, nil, status.Missing, status.CodeNothingComesIn, status.Missing},
		"a stream of no feeds":    {fed(10), &none, up(), media.QueueInfo{}, nil, status.Silent, "", status.Present},
		"a stream that is gone":   {fed(10), &gone, up(), media.QueueInfo{}, nil, status.Silent, "", status.Present},
		"without one of two":      {fed(10), &partly, up(), media.QueueInfo{}, nil, status.Partial, status.CodePartMissing, status.OnAir},
		"its sound has stopped":   {halting(), nil, up(), media.QueueInfo{}, nil, status.Partial, status.CodePartMissing, status.Partial},
		"a stream's sound has":    {halting(), &both, up(), media.QueueInfo{}, nil, status.Partial, status.CodePartMissing, status.Partial},
		"sound that is unwanted":  {halting(), &picture, up(), media.QueueInfo{}, nil, status.OnAir, "", status.OnAir},
		"sound alone is wanted":   {halting(), &sound, up(), media.QueueInfo{}, nil, status.Missing, status.CodeNothingComesIn, status.Present},
		"sound that is muted":     {halting("audio"), nil, up(), media.QueueInfo{}, nil, status.OnAir, "", status.OnAir},
		"a picture that is muted": {halting("video"), nil, up(), media.QueueInfo{}, nil, status.Missing, status.CodeNothingComesIn, status.Missing},
		"sound just announced":    {named, nil, up(), media.QueueInfo{}, nil, status.OnAir, "", status.OnAir},
		"sound announced alone":   {never, nil, up(), media.QueueInfo{}, nil, status.Partial, status.CodePartMissing, status.Partial},
		"part of it, and behind":  {halting(), nil, up(), media.QueueInfo{AgeMs: 1500}, nil, status.Behind, status.CodeBehind, status.Partial},
		"of no such track":        {fed(10), &lacking, up(), media.QueueInfo{}, nil, status.Missing, status.CodePartMissing, status.Present},
		"the link takes nothing":  {fed(10), nil, up(), media.QueueInfo{Hangs: true, AgeMs: 6000}, nil, status.Unreachable, status.CodeStalled, status.Present},
		"the link takes too long": {fed(10), nil, up(), media.QueueInfo{AgeMs: 1500}, nil, status.Behind, status.CodeBehind, status.OnAir},
		"dialled first":           {fed(10), nil, link.Info{State: link.Dialling}, media.QueueInfo{}, nil, status.Pending, status.CodePending, status.Present},
		"down":                    {fed(10), nil, down(link.CodeNotFound), media.QueueInfo{}, nil, status.Unreachable, link.CodeNotFound, status.Present},
		"moves":                   {fed(10), nil, down(link.CodeNotFound), media.QueueInfo{}, &linked, status.OnAir, "", status.OnAir},
		"idle":                    {fed(10), nil, link.Info{State: link.Idle, LastError: "why", ErrorCode: link.CodePolicy}, media.QueueInfo{}, nil, status.NotAllowed, link.CodePolicy, status.Present},
		"a token that ended":      {fed(10), nil, expired, media.QueueInfo{}, nil, status.OnAir, status.CodeTokenExpired, status.OnAir},
		"a token that ends soon":  {fed(10), nil, soon, media.QueueInfo{}, nil, status.OnAir, status.CodeTokenExpiring, status.OnAir},
		"muted, and its token":    {fed(10, "all"), nil, soon, media.QueueInfo{}, nil, status.Muted, status.CodeTokenExpiring, status.Muted},
		"a token that reads only": {fed(10), nil, readOnly, media.QueueInfo{}, nil, status.OnAir, status.CodeTokenReadOnly, status.OnAir},
	} {
		now := status.Status{Uptime: 1, Feeds: map[string]status.Feed{"x": s.feed}, Streams: map[string]status.Stream{},
			Destinations: map[string]status.Destination{"0": {Stream: "x", Info: s.link, Queue: s.queue, Former: s.former}}}
		if s.stream != nil {
			now.Streams["x"] = *s.stream
		}
		now.Decide(time.Now())
		d, code := now.Destinations["0"], link.Code("")
		if d.Problem != nil {
			code = d.Problem.Code
		}
		if d.Condition != s.condition || code != s.code || now.Feeds["x"].Condition != s.feedIs {
			t.Errorf("%s: it is %s with problem %q, its feed %s", name, d.Condition, code, now.Feeds["x"].Condition)
		}
		if listed := slices.ContainsFunc(now.Problems, func(w status.Wrong) bool { return w.Of == "destination" }); listed != (s.code != "") {
			t.Errorf("%s: the problems are %+v", name, now.Problems)
		}
		if !slices.Contains(status.OfDestinations, d.Condition) || !slices.Contains(status.OfFeeds, now.Feeds["x"].Condition) {
			t.Errorf("%s: a condition that no metric tells", name)
		}
	}
}

func TestWhatAFeedIsThatDoesNotComeInDependsOnWhoWantsIt(t *testing.T) {
	junk := fed(9000)
	junk.UnknownBytes = 99
	gone := fed(9000)
	gone.Source = false
	webm := status.Feed{FeedInfo: media.FeedInfo{Refused: "WebM or Matroska"}}
	never := status.Feed{} // of packets or of messages: that is not known
	fight := fed(10)
	fight.TakenOver = 4
	for name, c := range map[string]struct {
		feed      status.Feed
		wanted    bool
		condition status.Condition
		code      link.Code
	}{
		"nobody wants it":     {gone, false, status.Silent, ""},
		"ffmpeg has gone":     {gone, true, status.Missing, status.CodeNoSource},
		"ffmpeg hangs":        {fed(9000), true, status.Missing, status.CodeSourceSilent},
		"not MPEG-TS":         {junk, false, status.Missing, status.CodeNotMPEGTS},
		"WebM is refused":     {webm, false, status.Missing, status.CodeNotMPEGTS},
		"nothing came ever":   {never, true, status.Missing, status.CodeNeverFed},
		"two ffmpegs fight":   {fight, true, status.OnAir, status.CodeTakenOver},
		"it comes in, unused": {fed(10), false, status.Present, ""},
		"its sound stopped":   {halting(), true, status.Partial, status.CodeTrackSilent},
		"nobody wants either": {halting(), false, status.Present, ""},
	} {
		s := status.Status{Uptime: 60, Feeds: map[string]status.Feed{"x": c.feed}, Destinations: map[string]status.Destination{}}
		if c.wanted {
			s.Destinations["0"] = status.Destination{Stream: "x", Info: up()}
		}
		s.Decide(time.Now())
		code := link.Code("")
		if p := s.Feeds["x"].Problem; p != nil {
			code = p.Code
		}
		if s.Feeds["x"].Condition != c.condition || code != c.code {
			t.Errorf("%s: it is %s with problem %q", name, s.Feeds["x"].Condition, code)
		}
	}
}

// What a muted feed does, or what is muted of it, is in nothing that is told
// beyond this machine: neither in itself nor in what is decided of it.
func TestNoConditionTellsOutsideWhatAMutedFeedDoes(t *testing.T) {
	told := func(secret, av, half status.Feed, lacks map[string]string) string {
		s := status.Status{Uptime: 60, Owner: &owner.Info{ClockUnset: secret.Bitrate > 0},
			Feeds:   map[string]status.Feed{"secret": secret, "av": av, "half": half},
			Streams: map[string]status.Stream{"s": made("secret", "av"), "t": made("secret", "secret:video"), "u": made("half:video", "half:audio", "av")},
			Destinations: map[string]status.Destination{
				"0": {Stream: "secret", Info: up()}, "1": {Stream: "av", Info: up()}, "2": {Stream: "s", Info: up()}, "3": {Stream: "t", Info: up()},
				"4": {Stream: "half", Info: up()}, "5": {Stream: "u", Info: up()},
			}}
		if x := s.Streams["s"]; lacks != nil {
			x.Missing = lacks
			s.Streams["s"] = x
		}
		s.Decide(time.Now())
		text, err := json.Marshal(s.Outside())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	// of av the audio is muted, and its picture has stopped
	av := func(age int64, sound bool) status.Feed {
		f := fed(9000, "audio")
		f.Tracks[1].SilentMs = age
		f.AgeMs, f.Bitrate, f.UnknownBytes, f.TakenOver, f.Refused = ms(age), uint64(age), uint64(age), uint64(age), fmt.Sprint(age)
		if f.Tracks[1].AgeMs = ms(age); !sound {
			f.Tracks = f.Tracks[:1]
		}
		return f
	}
	quiet := fed(9000, "all")
	quiet.Tracks, quiet.Bitrate, quiet.AgeMs, quiet.UnknownBytes, quiet.Refused = nil, 0, nil, 188, "WebM"
	want := told(fed(10, "all"), av(10, true), fed(10, "audio"), map[string]string{"secret:video": "no video among its tracks: mp2"})
	if got := told(quiet, av(9000, false), halting("audio"), nil); got != want {
		t.Errorf("outside is told\n%s\nor\n%s", want, got)
	}
	for _, word := range []string{`"secret":{"source":true,"muted":["all"]}`, `"condition":"muted"`, `"condition":"missing"`, `"condition":"on_air"`, `"condition":"partial"`} {
		if !strings.Contains(want, word) {
			t.Errorf("%s is not in\n%s", word, want)
		}
	}
}

// Every code that tells of trouble has advice, or its text says what to do.
func TestEveryCodeOfAProblemSaysWhatToDo(t *testing.T) {
	for _, code := range []link.Code{
		link.CodeTokenMissing, link.CodeTokenRefused, link.CodeNotFound, link.CodeNoAccess, link.CodeWantsTLS, link.CodeNoSuchHost,
		link.CodeConnRefused, link.CodeTimeout, link.CodeUnknownAuthority, link.CodeNotYetValid, link.CodeNoPong, link.CodeManyDials,
		link.CodeRedirect, link.CodeNoRoom, link.CodeOther,
		status.CodeStalled, status.CodeBehind, status.CodeNeverFed, status.CodeNoSource, status.CodeTrackSilent, status.CodeNotMPEGTS, status.CodeRecordingStopped, status.CodeStateNotSaved, status.CodeJournal, status.CodeTokenExpiring,
	} {
		saysItself := code == link.CodeManyDials || code == link.CodeRedirect || code == link.CodeNoRoom || code == link.CodeOther
		if (status.Advice(code) == "") != saysItself {
			t.Errorf("%s: %q", code, status.Advice(code))
		}
	}
}
