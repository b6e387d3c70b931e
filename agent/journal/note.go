package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"time"

	"vw/agent/owner"
	"vw/command"
)

// Rules notes what of the rules has changed.
func (j *Journal) Rules(ctx context.Context, before, after command.Rules) {
	old, now := picture(before, owner.Word{}), picture(after, owner.Word{})
	var entries []Entry
	for _, what := range []What{Stream, Destination} {
		entries = append(entries, changes(ctx, what, old[what], now[what])...)
	}
	j.add(entries...)
}

// Word notes what of the owner's word has changed.
func (j *Journal) Word(ctx context.Context, before, after owner.Word) {
	old, now := picture(command.Rules{}, before), picture(command.Rules{}, after)
	var entries []Entry
	for _, what := range []What{Mutes, Schedule, Lock} {
		entries = append(entries, changes(ctx, what, old[what], now[what])...)
	}
	j.add(entries...)
}

// Endpoint notes that an endpoint of the command channel was dropped.
func (j *Journal) Endpoint(ctx context.Context, which string) {
	j.add(entry(ctx, Endpoint, which, nil, nil))
}

// Begin notes what is in force at the start, End that nothing is any more.
func (j *Journal) Begin(rules command.Rules, word owner.Word) {
	j.add(entry(context.Background(), Start, "", nil, raw(picture(rules, word))))
}

// End notes the end of a run.
func (j *Journal) End() { j.add(entry(context.Background(), Stop, "", nil, nil)) }

func entry(ctx context.Context, what What, which string, before, after json.RawMessage) Entry {
	by := command.ActorIn(ctx)
	return Entry{time.Now().UTC(), by.Who, by.Relay, what, which, before, after}
}

// changes lists what is another, in the order of the names.
func changes(ctx context.Context, what What, before, after map[string]json.RawMessage) (list []Entry) {
	names := slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if !bytes.Equal(before[name], after[name]) {
			list = append(list, entry(ctx, what, name, before[name], after[name]))
		}
	}
	return list
}

// picture returns rules and word as they are noted: without tokens.
func picture(rules command.Rules, word owner.Word) Picture {
	p := Picture{Stream: {}, Destination: {}, Mutes: {}, Schedule: {}, Lock: {}}
	for name, feeds := range rules.Streams {
		p[Stream][name] = raw(feeds)
	}
	for id, rule := range rules.Destinations {
		rule.Destination = withoutQuery(rule.Destination)
		p[Destination][id] = raw(rule)
	}
	if len(word.Mutes) > 0 {
		p[Mutes][""] = raw(word.Mutes)
	}
	if len(word.Schedule) > 0 {
		p[Schedule][""] = raw(word.Schedule)
	}
	if word.Locked {
		p[Lock][""] = raw(true)
	}
	return p
}

// withoutQuery is a URL whose query, which may be a secret, is not shown.
func withoutQuery(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.RawQuery == "" {
		return text
	}
	u.RawQuery = "…"
	return u.String()
}

func raw(v any) json.RawMessage {
	line, err := json.Marshal(v)
	if err != nil { // of plain values none
		return nil
	}
	return line
}
