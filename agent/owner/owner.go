// Package owner is the word of whoever is at this machine, which no rule and no
// command from outside can undo: mutes, also by the clock and by a file, and the
// lock of the rules. It decides what is muted now, and tells the router. It knows
// no HTTP, and stores nothing: what lasts over a restart it hands to Config.Save.
//
// # Invariants
//
//   - What is scheduled begins and ends within a second, also where the clock is
//     set: TestScheduleFollowsTheClock, TestScheduleFollowsAClockThatIsSet. A mute
//     for some time lasts so long, whatever becomes of the clock.
//   - Only Unmute, which the owner's token guards, shortens a mute, and no mute is
//     silently left out: TestMutesOfAFeedAddUpAndUnmuteEndsThemAll, TestAtMostAThousandMutes.
//   - With a clock that is not set all that is scheduled is muted:
//     TestWithAClockThatIsNotSetWhatIsScheduledIsMuted.
//   - While the mute file exists, or cannot be looked for, everything is muted:
//     TestMuteFileMutesEverything, TestMuteFileThatCannotBeLookedForMutes.
//   - The on-air file is never half written, and empty before the start and after
//     the end (agent's TestOnAirFileFollowsWhatLeaves).
package owner

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"vw/command"
	"vw/media"
)

// maxMutes is the most mutes, scheduled ones included, that of all feeds not counted.
const maxMutes = 1000

// scheduleEvery is the time between two looks at the clock, whichever way it is set,
// while something is scheduled.
const scheduleEvery = 500 * time.Millisecond

// An Owner is the owner's word. Its methods may be called from anywhere.
type Owner struct {
	config    Config
	token     *token
	scheduled chan struct{} // capacity 1: there is a mute more, maybe by the clock

	mu         sync.Mutex
	mutes      []Mute // sorted, each once
	locked     bool
	damaged    bool
	muteFile   string   // why the file mutes everything, "" where it does not
	onAirError string   // why the on-air file cannot be written
	inForce    []string // what the router was told last; sorted, each once
}

// New makes the owner's word what it was, and puts it in force. muted are the
// feeds that are muted from the start, besides.
func New(c Config, s State, muted []string) (*Owner, error) {
	c.defaults()
	o := &Owner{config: c, scheduled: make(chan struct{}, 1), locked: s.Locked, damaged: s.Damaged}
	mutes := slices.Clone(s.Schedule)
	for _, feed := range slices.Concat(s.Mutes, muted) {
		mutes = append(mutes, Mute{Feed: feed})
	}
	for _, m := range mutes {
		if !o.add(m) {
			return nil, errFull
		}
	}
	var err error
	if c.TokenFile != "" {
		if o.token, err = readToken(c.TokenFile); err != nil {
			return nil, err
		}
	}
	if c.OnAirFile != "" {
		if err := o.writeOnAir(nil); err != nil {
			return nil, err
		}
	}
	if c.MuteFile != "" {
		o.muteFile = lookFor(c.MuteFile)
	}
	o.enforce()
	return o, nil
}

// Run follows the clock and the files until ctx ends.
func (o *Owner) Run(ctx context.Context) {
	var loops sync.WaitGroup
	loops.Go(func() { o.followClock(ctx) })
	if o.config.MuteFile != "" {
		loops.Go(func() { o.watchMuteFile(ctx) })
	}
	if o.config.OnAirFile != "" {
		loops.Go(func() { o.keepOnAir(ctx) })
	}
	loops.Wait()
}

// followClock puts in force what begins and ends by the clock, until ctx ends.
// Where nothing is scheduled it sleeps.
func (o *Owner) followClock(ctx context.Context) {
	for {
		var look <-chan time.Time
		if len(o.State().Schedule) > 0 {
			look = time.After(scheduleEvery)
		}
		select {
		case <-ctx.Done():
			return
		case <-o.scheduled:
		case <-look:
		}
		o.change(command.Actor{Who: "clock"}.In(ctx), func() {})
	}
}

// NewMute reads when a feed is to be muted. Its error is a *command.Error.
func (o *Owner) NewMute(feed string, w When) (Mute, error) {
	return newMute(feed, w, o.config.Now(), o.clockUnset())
}

// Mute adds a mute. When it returns, nothing of what is muted now is handed on
// any more. Its errors are *command.Error.
func (o *Owner) Mute(ctx context.Context, m Mute) error {
	full := false
	o.change(ctx, func() { full = !o.add(m) })
	if full {
		return errFull
	}
	select {
	case o.scheduled <- struct{}{}:
	default:
	}
	return o.save()
}

// Unmute takes all mutes of a feed or part away, scheduled ones too.
func (o *Owner) Unmute(ctx context.Context, feed string) error {
	o.change(ctx, func() {
		o.mutes = slices.DeleteFunc(o.mutes, func(m Mute) bool { return m.Feed == feed })
		o.lifted()
	})
	return o.save()
}

// Lock locks the rules or opens them. When it returns, no remote command comes
// into force any more: the one that was running has ended.
func (o *Owner) Lock(ctx context.Context, on bool) error {
	o.change(ctx, func() {
		o.locked = on
		o.lifted()
	})
	err := o.config.Turns.InTurn(ctx, o.save)
	if ctx.Err() != nil {
		return &command.Error{Kind: command.Canceled, Why: "done, but a command that came before is still running"}
	}
	return err
}

// lifted notes that the owner has undone what a damaged state began with.
func (o *Owner) lifted() {
	everything := slices.ContainsFunc(o.mutes, func(m Mute) bool { return m == Mute{Feed: media.MuteAll} })
	o.damaged = o.damaged && (o.locked || everything)
}

var errFull = &command.Error{Kind: command.Conflict, Why: "there are 1000 mutes, which is the most: vw unmute some, or mute * for all"}

// add adds a mute to the others. Of two times until which a feed is muted the later
// one stays: only Unmute ends a mute before its time. It reports whether there was
// room; for all feeds there always is.
func (o *Owner) add(m Mute) bool {
	i, found := slices.BinarySearchFunc(o.mutes, m, func(a, b Mute) int {
		return cmp.Or(cmp.Compare(a.Feed, b.Feed), cmp.Compare(a.Every.text, b.Every.text), cmp.Compare(a.kind(), b.kind()))
	})
	all, room := Mute{Feed: media.MuteAll}, maxMutes
	if slices.Contains(o.mutes, all) {
		room++
	}
	switch {
	case found && !m.Until.After(o.mutes[i].Until):
	case found:
		o.mutes[i] = m
	case m != all && len(o.mutes) >= room:
		return false
	default:
		o.mutes = slices.Insert(o.mutes, i, m)
	}
	return true
}

// change does something with the mutes, puts in force what is muted then, and
// waits for what is muted now to stop.
func (o *Owner) change(ctx context.Context, do func()) {
	o.mu.Lock()
	before := o.word()
	do()
	pending := o.enforce()
	after := o.word()
	if !slices.Equal(before.Mutes, after.Mutes) {
		o.config.Log.Info("owner's mutes", "mutes", after.Mutes, "by", command.ActorIn(ctx).String())
	}
	if o.config.Journal != nil && !before.equal(after) {
		o.config.Journal.Word(ctx, before, after)
	}
	o.mu.Unlock()
	pending.Wait(ctx)
}

// enforce tells the router what is muted now, where that has changed.
func (o *Owner) enforce() *media.PendingWrites {
	now, unset := o.config.Now(), o.clockUnset()
	if !unset {
		o.mutes = slices.DeleteFunc(o.mutes, func(m Mute) bool { return m.over(now) })
	}
	muted := []string{}
	for _, m := range o.mutes {
		if unset || m.covers(now) {
			muted = append(muted, m.Feed)
		}
	}
	if o.muteFile != "" {
		muted = append(muted, media.MuteAll)
	}
	slices.Sort(muted)
	if muted = slices.Compact(muted); o.inForce != nil && slices.Equal(muted, o.inForce) {
		return &media.PendingWrites{}
	}
	o.inForce = muted
	return o.config.Router.SetMutes(muted)
}

func (o *Owner) clockUnset() bool { return o.config.Now().Before(o.config.Built) }

// save makes the owner's word last. Where that fails it is in force all the same.
func (o *Owner) save() error {
	if err := o.config.Saver.Save(); err != nil {
		return &command.Error{Kind: command.Internal, Why: "done, but a restart would lose it: " + err.Error()}
	}
	return nil
}
