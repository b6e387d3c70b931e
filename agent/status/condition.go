package status

import "vw/agent/link"

// A Condition is where a feed, stream or destination stands. It is decided once,
// by Decide; whoever shows it derives nothing.
type Condition string

// The conditions, and of what they are told.
const (
	OnAir       Condition = "on_air"      // all: it leaves this machine now
	Partial     Condition = "partial"     // all: on air, but some of what is wanted does not come in
	Behind      Condition = "behind"      // destinations: on air, but the link takes less than comes in
	Recording   Condition = "recording"   // all: it is written to a file, and leaves by no link
	Present     Condition = "present"     // feeds, streams: it comes in, and no rule that works takes it
	Muted       Condition = "muted"       // all: the owner has muted all of it
	Silent      Condition = "silent"      // all: nothing is wanted of it, so that nothing is wrong
	Missing     Condition = "missing"     // all: what is wanted does not come in
	Pending     Condition = "pending"     // destinations: dialled for the first time
	Unreachable Condition = "unreachable" // destinations: the link is down, or takes nothing; the only file has ended
	NotAllowed  Condition = "not_allowed" // destinations: a saved rule that the owner allows no more
)

// OfFeeds and OfDestinations are the conditions that each can have.
var (
	OfFeeds        = []Condition{OnAir, Partial, Recording, Present, Muted, Silent, Missing}
	OfDestinations = []Condition{OnAir, Partial, Behind, Recording, Muted, Silent, Missing, Pending, Unreachable, NotAllowed}
)

// Sends reports whether something of it leaves this machine.
func (c Condition) Sends() bool { return c == OnAir || c == Partial || c == Behind }

// The codes of problems that are no link's.
const (
	CodePending          link.Code = "pending"           // not up yet, and nothing has failed
	CodeStalled          link.Code = "stalled"           // the link is up and takes nothing
	CodeBehind           link.Code = "behind"            // it takes less than comes in
	CodeNeverFed         link.Code = "never_fed"         // nothing has come in so far, of whatever kind
	CodeNoSource         link.Code = "no_source"         // nothing posts
	CodeSourceSilent     link.Code = "source_silent"     // something posts, and sends nothing
	CodeTrackSilent      link.Code = "track_silent"      // a source sends some of its tracks alone
	CodeNotMPEGTS        link.Code = "not_mpegts"        // something else than MPEG-TS is posted
	CodeNothingComesIn   link.Code = "nothing_comes_in"  // on any feed of a destination
	CodePartMissing      link.Code = "part_missing"      // on air without some of it
	CodeNoTracks         link.Code = "no_tracks"         // no track can be made of what comes in
	CodeTakenOver        link.Code = "taken_over"        // two posts end each other
	CodeTokenReadOnly    link.Code = "token_read_only"   // its scopes lack write
	CodeTokenExpiring    link.Code = "token_expiring"    // soon; the link is up
	CodeTokenExpired     link.Code = "token_expired"     // the link is up still
	CodeRecordingStopped link.Code = "recording_stopped" //
	CodeStateNotSaved    link.Code = "state_not_saved"   // a restart would lose the newest rules
	CodeJournal          link.Code = "journal_not_written"
	CodeStateDamaged     link.Code = "state_damaged"      // so all was muted and locked
	CodeClockUnset       link.Code = "clock_unset"        // so all that is scheduled is muted
	CodeOnAirFile        link.Code = "on_air_file_failed" // the sign may tell what is not so
)

// A Problem is what is wrong, and what to do about it.
type Problem struct {
	Code   link.Code `json:"code"`
	Text   string    `json:"text"`             // in words that stay the same while nothing changes
	Advice string    `json:"advice,omitempty"` // of the code, from the one table
}

func problem(code link.Code, text string) *Problem { return &Problem{code, text, advice[code]} }

// with returns p with the words of another problem added, which has less weight.
func (p *Problem) with(code link.Code, text string) *Problem {
	if p == nil {
		return problem(code, text)
	}
	return &Problem{p.Code, p.Text + "; " + text, p.Advice}
}

// A Wrong is one problem of an agent, and what has it.
type Wrong struct {
	Of   string `json:"of"`             // agent, owner, channel, destination, recording or feed
	Name string `json:"name,omitempty"` // of the feed, or the id of the rule
	*Problem
}
