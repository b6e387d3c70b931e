package media

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"vw/media/program"
)

// Slots returns what is to outlive the program of the streams that have a rule, for
// RestoreSlots: their slots and clocks. It holds no media.
func (r *Router) Slots() json.RawMessage {
	r.mu.RLock()
	defer r.mu.RUnlock()
	states := maps.Clone(r.restored)
	if states == nil {
		states = map[string]program.State{}
	}
	now := r.now()
	for name, s := range r.streams {
		if s.ruled {
			states[name] = s.state(now)
		}
	}
	text, err := json.Marshal(states)
	if err != nil {
		return nil // plain values have no error
	}
	return text
}

// RestoreSlots takes what Slots returned before the program was started again. It
// has to be called before SetStreams. Its error says what of it is not taken.
func (r *Router) RestoreSlots(text json.RawMessage) error {
	if len(text) == 0 {
		return nil
	}
	var streams map[string]json.RawMessage
	if err := json.Unmarshal(text, &streams); err != nil {
		return err
	}
	states := map[string]program.State{}
	var errs []error
	for name, text := range streams {
		var x program.State
		err := json.Unmarshal(text, &x)
		if err == nil {
			err = x.Check()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("stream %q: %w", name, err))
			continue
		}
		states[name] = x
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restored = states
	return errors.Join(errs...)
}

// UnsavedSlots is sent to when Slots has something new to tell.
func (r *Router) UnsavedSlots() <-chan struct{} { return r.unsaved }

// noteUnsaved never waits.
func (r *Router) noteUnsaved() {
	select {
	case r.unsaved <- struct{}{}:
	default:
	}
}

// resume gives a new stream the slots that it had before the program was started
// again.
func (r *Router) resume(s *stream) {
	if x, ok := r.restored[s.name]; ok {
		s.program.Restore(x)
		s.resumed = true
	}
}
