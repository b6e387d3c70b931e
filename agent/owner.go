package agent

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"vw/command"
	"vw/media"
)

// An owner is the word of whoever is at this machine, which no rule and no
// command from outside can undo: mutes, and the lock of the rules.
type owner struct {
	router *media.Router
	save   func() error
	// inTurn runs its argument when no command is running.
	inTurn func(context.Context, func() error) error

	mu     sync.Mutex
	mutes  []string // sorted, each once
	locked bool
}

// checkMute reads what is to be muted: a feed, a feed's :video or :audio, or *.
func checkMute(entry string) (string, error) {
	if entry == media.MuteAll {
		return entry, nil
	}
	name, part, cut := strings.Cut(entry, ":")
	if cut && part != "video" && part != "audio" {
		return "", &command.Error{Kind: command.Invalid, Why: "a feed's name may be followed by :video or :audio, and by nothing else"}
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

// mute adds or takes away a mute. When it returns, nothing of what is muted is
// handed on any more.
func (o *owner) mute(ctx context.Context, entry string, on bool) error {
	o.mu.Lock()
	i, found := slices.BinarySearch(o.mutes, entry)
	switch {
	case on && !found:
		o.mutes = slices.Insert(o.mutes, i, entry)
	case !on && found:
		o.mutes = slices.Delete(o.mutes, i, i+1)
	}
	stopping := o.router.SetMutes(o.mutes)
	o.mu.Unlock()
	stopping.Wait(ctx)
	return o.keep()
}

// keep makes the owner's word last. Where that fails it is in force all the same.
func (o *owner) keep() error {
	if err := o.save(); err != nil {
		return &command.Error{Kind: command.Internal, Why: "done, but a restart would lose it: " + err.Error()}
	}
	return nil
}

// lock locks the rules or opens them. When it returns, no remote command comes
// into force any more: the one that was running has ended.
func (o *owner) lock(ctx context.Context, on bool) error {
	o.mu.Lock()
	o.locked = on
	o.mu.Unlock()
	err := o.inTurn(ctx, o.keep)
	if ctx.Err() != nil {
		return &command.Error{Kind: command.Canceled, Why: "done, but a command that came before is still running"}
	}
	return err
}

func (o *owner) isLocked() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.locked
}

func (o *owner) muted() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string{}, o.mutes...)
}

// A Mute is what PUT and DELETE /api/mutes answer.
type Mute struct {
	Mutes []string `json:"mutes"` // all that are in force now
	Kept  bool     `json:"kept"`  // they outlive a restart
}

func (l *local) mutes(w http.ResponseWriter, r *http.Request, entry string) {
	o := l.agent.owner
	if entry == "all" && r.Method == http.MethodGet {
		answerJSON(w, o.muted())
		return
	}
	if !only(w, r, http.MethodPut, http.MethodDelete) {
		return
	}
	entry, err := checkMute(entry)
	if err == nil {
		err = o.mute(r.Context(), entry, r.Method == http.MethodPut)
	}
	l.agent.log.Info("owner's mutes", "mutes", o.muted())
	reply(w, Mute{o.muted(), l.agent.state != nil}, err)
}

// A Lock is what /api/lock answers.
type Lock struct {
	Locked bool `json:"locked"` // the command channel can list, not change
	Kept   bool `json:"kept"`   // it outlives a restart
}

func (l *local) lock(w http.ResponseWriter, r *http.Request) {
	if !only(w, r, http.MethodGet, http.MethodPut, http.MethodDelete) {
		return
	}
	o := l.agent.owner
	var err error
	if r.Method == http.MethodPut || r.Method == http.MethodDelete {
		err = o.lock(r.Context(), r.Method == http.MethodPut)
		l.agent.log.Info("owner's lock", "locked", o.isLocked())
	}
	reply(w, Lock{o.isLocked(), l.agent.state != nil}, err)
}
