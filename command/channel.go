package command

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"path"
	"runtime/debug"
	"slices"
	"strings"
)

// MaxRef is the longest ref, in bytes.
const MaxRef = 128

// maxReplies is how long the replies to one message may be before what is left
// of it is not done any more, in bytes: four times what a message may have. One
// reply alone may be longer.
const maxReplies = 4 * MaxCommand

// maxLogged is the most of a stranger's object that is logged, in bytes.
const maxLogged = 200

// Handled is what came of a message.
type Handled struct {
	// Done says that a command in it was done: proof that at the other end is
	// somebody who commands this agent.
	Done bool
	// Watch is what was asked for last, nil for nothing.
	Watch *Watch
}

// Handle takes one message of the channel and calls reply for each answer in
// order, from this goroutine and between commands, so that a slow reply delays
// no other caller's. It never panics. It gives up without an answer when the
// context ends.
func (h *Handler) Handle(ctx context.Context, message []byte, from Origin, reply func([]byte)) (did Handled) {
	defer func() {
		if reason := recover(); reason != nil { // reply's: the commands have their own
			h.config.Log.Error("panic in a reply", "reason", reason, "stack", string(debug.Stack()))
		}
	}()
	ctx = from.in(ctx)
	if len(message) > MaxCommand {
		reply(TooLong())
		return did
	}
	var stranger object // the first object without a verb
	strangers, sent := 0, 0
	answer := func(b []byte) {
		sent += len(b)
		reply(b)
	}
	for value, err := range values(message) {
		if ctx.Err() != nil {
			return did
		}
		if sent > maxReplies {
			reply(refusal(&Error{Kind: Conflict, Why: "the replies to this message are longer than 4 MiB: what was left of it is not done, send fewer commands at a time"}))
			break
		}
		command, isObject := object{}, false
		if err == nil {
			command, isObject = parseObject(value, lowerASCII)
		}
		if !isObject {
			answer(unrecognised("this is no JSON object: write a command in braces, {…}"))
			continue
		}
		verb, isCommand := command.verb()
		if !isCommand {
			if strangers++; strangers == 1 {
				stranger = command
			}
			continue
		}
		r, err := h.answer(ctx, verb, from, command)
		did.Done = did.Done || r.line != nil && err == nil
		if r.line != nil {
			answer(r.line)
		}
		if r.watch != nil {
			did.Watch = r.watch
		}
	}
	if strangers > 0 && !slices.Equal(stranger.keys, []string{"status"}) { // its keys alone: a value may be a secret
		keys := strings.Join(stranger.keys, " ")
		h.config.Log.Info("object without a verb passed over", "keys", keys[:min(len(keys), maxLogged)], "count", strangers)
	}
	return did
}

// answer is the reply to one command, and the error that it tells: no reply
// where the command concerns another agent, or where the context ended.
func (h *Handler) answer(ctx context.Context, verb string, from Origin, command object) (r reply, err error) {
	concerned, err := h.concerned(command)
	if err == nil && !concerned {
		return r, nil
	}
	ref, refErr := command.ref()
	if err = cmp.Or(err, refErr, command.once()); err != nil {
		r.line = h.addressed(command, ref, refusal(err))
		return r, err
	}
	known := verb
	if !isVerb(verb) {
		known = "other"
	}
	r, err = inTurn(ctx, h, known, func() (reply, error) {
		if from == Remote && changes(verb) && command.word("what") != "watch" && h.config.Reports.Locked() {
			return reply{}, errLocked
		}
		return h.reply(ctx, from, verb, command)
	})
	if ctx.Err() != nil {
		return reply{}, ctx.Err()
	}
	switch {
	case errors.Is(err, errUnrecognised):
		r.line = unrecognised(command.hint(verb))
	case err != nil:
		r.line = refusal(err)
	}
	r.line = h.addressed(command, ref, r.line)
	return r, err
}

// concerned says whether the command's "to" matches this agent's name.
func (h *Handler) concerned(command object) (bool, error) {
	if !command.given("to") {
		return true, nil
	}
	to, err := command.text("to")
	if err != nil {
		return false, err
	}
	matched, err := path.Match(to, h.config.Name)
	if err != nil {
		return false, invalid("to %.140q is no pattern of agent names: use * ? and closed [a-z], and \\ before these where they stand for themselves", to)
	}
	return matched, nil
}

// ref returns the command's ref as it was written, nil for none.
func (o object) ref() (json.RawMessage, error) {
	ref, err := o.text("ref")
	if err != nil {
		return nil, err
	}
	if len(ref) > MaxRef {
		return nil, invalid("ref is %d bytes long: at most %d are allowed", len(ref), MaxRef)
	}
	if !o.given("ref") {
		return nil, nil
	}
	return o.value["ref"], nil
}

// addressed is the reply as it is sent: where the command has a ref or says to
// whom it goes, several agents may answer, and each says who it is.
func (h *Handler) addressed(command object, ref json.RawMessage, reply []byte) []byte {
	if !command.given("ref") && !command.given("to") {
		return reply
	}
	line, err := encode(struct {
		Ref   json.RawMessage `json:"ref,omitempty"`
		From  string          `json:"from"`
		Reply json.RawMessage `json:"reply"`
	}{ref, h.config.Name, reply})
	if err != nil {
		return refusal(errInternal)
	}
	return line
}
