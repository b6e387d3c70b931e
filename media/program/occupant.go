package program

import (
	"time"

	"vw/media/mpegts"
)

// What stands in a slot.
const (
	SlotPresent = "present"  // a track of a feed
	SlotMuted   = "muted"    // nothing: the owner has muted what would be
	SlotMissing = "missing"  // nothing: its feed sends none
	SlotLeftOut = "left_out" // nothing: no feed that is selected has a track for it
)

// A SlotInfo is what is known of a slot.
type SlotInfo struct {
	PID       uint16 `json:"pid"`
	Kind      string `json:"kind"`                // video, audio, data
	Codec     string `json:"codec"`               // of the newest track in it
	Feed      string `json:"feed,omitempty"`      // whose track is in it, or would be
	Condition string `json:"condition"`           // present, muted, missing or left_out
	Filled    string `json:"filled,omitempty"`    // with what, while no track is in it: black or silence
	NotFilled string `json:"notFilled,omitempty"` // why with nothing, so that players have lost the track
}

// Slots tells of every slot, by PID. At counts as Append's.
func (p *Program) Slots(at time.Duration) []SlotInfo {
	now := ticks(at)
	list := make([]SlotInfo, 0, len(p.slots))
	claimed := map[claim]bool{}
	for _, s := range p.slots {
		i := SlotInfo{PID: s.pid, Kind: s.kind.String(), Codec: s.codec}
		switch {
		case s.occupant != nil && now < s.missedAt():
			i.Feed, i.Condition = s.occupant.feed.name, SlotPresent
		case s.heir != nil && !s.heir.muted:
			i.Feed, i.Condition = s.heir.feed.name, SlotMissing
		case s.heir != nil:
			i.Feed, i.Condition = s.heir.feed.name, SlotMuted
		default:
			i.Feed, i.Condition = p.expected(s, claimed)
		}
		switch {
		case i.Condition == SlotPresent:
		case s.kind == mpegts.Other:
			i.NotFilled = "data is not filled"
		case !s.canFill():
			i.NotFilled = s.err.Error()
		case s.kind == mpegts.Audio:
			i.Filled = "silence"
		default:
			i.Filled = "black"
		}
		list = append(list, i)
	}
	return list
}

// A claim is that of an entry of the rule to a slot of a kind.
type claim struct {
	entry int
	kind  mpegts.Kind
}

// expected says whose a slot without an heir would be. What the owner has muted goes
// first, whatever it does; then each feed whose tracks are not known, for one slot of a kind.
func (p *Program) expected(s *slot, claimed map[claim]bool) (feed, condition string) {
	for _, sel := range p.selection {
		if sel.covers(s.format) && sel.mutes(s.format) {
			return sel.Feed, SlotMuted
		}
	}
	for i, sel := range p.selection {
		c := claim{i, s.kind}
		if sel.covers(s.format) && len(p.feeds[sel.Feed].current) == 0 && !claimed[c] {
			claimed[c] = true
			return sel.Feed, SlotMissing
		}
	}
	return "", SlotLeftOut
}
