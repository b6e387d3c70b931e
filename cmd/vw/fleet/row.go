package fleet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vw/agent/status"
	"vw/cmd/vw/cli"
)

// A Row is what is shown of an agent.
type Row struct {
	Agent    string     `json:"agent"`
	There    bool       `json:"there"`
	Since    time.Time  `json:"since"`         // since when it is there, or not
	Seen     *time.Time `json:"seen"`          // when it was heard last; null: never
	Why      string     `json:"why,omitempty"` // why it is not there
	Version  string     `json:"version,omitempty"`
	Rules    string     `json:"rules,omitempty"`  // their hash
	Wanted   *bool      `json:"wanted,omitempty"` // they are the ones that are wanted; absent: nobody said which are
	Locked   bool       `json:"locked"`
	OnAir    int        `json:"onAir"`    // destinations
	NotOnAir []Off      `json:"notOnAir"` // the others
	Problems []string   `json:"problems"` // all else that is wrong

	asked    bool // and answered, or not in time
	severity cli.Severity
}

// Off is a destination that is not on air.
type Off struct {
	ID        string           `json:"id"`
	Stream    string           `json:"stream"`
	Condition status.Condition `json:"condition"`
	Why       string           `json:"why,omitempty"` // what is wrong; absent: nothing
}

// rows are those of the fleet now, in its order.
func (f *Fleet) rows() (rows []Row) {
	for _, a := range f.agents {
		rows = append(rows, a.row())
	}
	return rows
}

func (a *agent) row() Row {
	s := a.State()
	r := Row{Agent: a.Name, There: s.There, Since: s.Since, Version: s.Told.Version, Rules: s.Told.Rules, Locked: s.Told.Locked,
		NotOnAir: []Off{}, Problems: []string{}, severity: cli.Good}
	select {
	case <-a.told:
		r.asked = true
	default:
	}
	if !s.Seen.IsZero() {
		r.Seen = &s.Seen
	}
	if s.Why != nil {
		r.Why = s.Why.Error()
	}
	if a.wanted != "" && r.Rules != "" {
		is := r.Rules == a.wanted
		r.Wanted = &is
	}
	for _, id := range slices.Sorted(maps.Keys(s.Told.Destinations)) {
		r.destination(id, s.Told.Destinations[id])
	}
	for _, w := range s.Told.Problems {
		if w.Problem != nil && !(w.Of == "destination" && r.tells(w.Name)) {
			r.Problems = append(r.Problems, strings.TrimSpace(w.Of+" "+w.Name)+": "+w.Text)
		}
	}
	if !r.There || len(r.Problems) > 0 || r.Wanted != nil && !*r.Wanted {
		r.severity = cli.Wrong
	}
	return r
}

func (r *Row) destination(id string, d status.Destination) {
	switch {
	case d.Condition.Sends():
		r.OnAir++
		return
	case d.Condition == status.Recording:
		return
	}
	off := Off{ID: id, Stream: d.Stream, Condition: d.Condition}
	if d.Problem != nil {
		off.Why = d.Problem.Text
	}
	switch {
	case d.Condition != status.Muted && d.Condition != status.Silent || off.Why != "":
		r.severity = cli.Wrong
	case r.severity == cli.Good:
		r.severity = cli.Quiet
	}
	r.NotOnAir = append(r.NotOnAir, off)
}

// tells reports whether it is told of a destination why it is not on air.
func (r *Row) tells(id string) bool {
	return slices.ContainsFunc(r.NotOnAir, func(o Off) bool { return o.ID == id })
}

func (o Off) String() string {
	text := fmt.Sprintf("%s (%s) ", o.ID, o.Stream)
	switch o.Condition {
	case status.Muted:
		text += "muted by the owner"
	case status.Silent:
		text += "silent, as the rules want it"
	default:
		text += "NOT ON AIR"
	}
	if o.Why != "" {
		text += ": " + o.Why
	}
	return text
}

// air says in one line what is on air and what is wrong.
func (r Row) air() string {
	if !r.There && r.Why != "" {
		return r.Why
	}
	said := fmt.Sprintf("%d of %d on air", r.OnAir, r.OnAir+len(r.NotOnAir))
	if r.OnAir+len(r.NotOnAir) == 0 {
		said = "no rule sends anything"
	}
	for _, o := range r.NotOnAir {
		said += "; " + o.String()
	}
	for _, p := range r.Problems {
		said += "; " + p
	}
	return said
}

// here says since when an agent is there, or not.
func (r Row) here(now time.Time) string {
	switch {
	case r.There:
		return "for " + cli.Span(now.Sub(r.Since))
	case r.Seen == nil && !r.asked:
		return "asked"
	case r.Seen == nil:
		return "NEVER SEEN"
	}
	return "NOT for " + cli.Span(now.Sub(r.Since))
}

// hash says which rules an agent has.
func (r Row) hash() string {
	text := short(r.Rules)
	switch {
	case r.Wanted == nil:
	case *r.Wanted:
		text += " wanted"
	default:
		text += " OTHER"
	}
	if r.Locked {
		text += ", locked"
	}
	return text
}

// short is as much of a hash as tells it from others, for people.
func short(hash string) string {
	if len(hash) > 12 {
		return hash[:12]
	}
	return hash
}
