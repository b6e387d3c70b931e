package command

import (
	"cmp"
	"context"
	"encoding/json"
	"path"
	"runtime/debug"
	"strings"
)

// maxRef is the longest ref, in bytes.
const maxRef = 128

// maxLogged is the most of a stranger's object that is logged, in bytes.
const maxLogged = 200

// Handle takes one message of the channel and calls reply for each answer in
// order, from this goroutine and between commands, so that a slow reply delays
// no other caller's. It never panics. It gives up without an answer when the
// context ends.
func (h *Handler) Handle(ctx context.Context, message []byte, reply func([]byte)) {
	defer func() {
		if reason := recover(); reason != nil { // reply's: the commands have their own
			h.config.Log.Error("panic in a reply", "reason", reason, "stack", string(debug.Stack()))
		}
	}()
	if len(message) > MaxCommand {
		reply(TooLong())
		return
	}
	var stranger object // the first object without a verb
	strangers := 0
	for value, err := range values(message) {
		if ctx.Err() != nil {
			return
		}
		command, isObject := object{}, false
		if err == nil {
			command, isObject = parseObject(value)
		}
		if !isObject {
			reply(refusal(errUnrecognised))
			continue
		}
		verb, isCommand := command.verb()
		if !isCommand {
			if strangers++; strangers == 1 {
				stranger = command
			}
			continue
		}
		if answer := h.answer(ctx, verb, command); answer != nil {
			reply(answer)
		}
	}
	if strangers > 0 { // its keys alone: a value may be a secret
		keys := strings.Join(stranger.keys, " ")
		h.config.Log.Info("object without a verb passed over", "keys", keys[:min(len(keys), maxLogged)], "count", strangers)
	}
}

// answer is the reply to one command: nil where it concerns another agent, or
// where the context ended.
func (h *Handler) answer(ctx context.Context, verb string, command object) []byte {
	concerned, err := h.concerned(command)
	if err == nil && !concerned {
		return nil
	}
	ref, refErr := command.ref()
	if err = cmp.Or(err, refErr, command.once()); err != nil {
		return h.addressed(command, ref, refusal(err))
	}
	result, err := inTurn(ctx, h, func() ([]byte, error) {
		return h.reply(ctx, verb, command)
	})
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		result = refusal(err)
	}
	return h.addressed(command, ref, result)
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
	if len(ref) > maxRef {
		return nil, invalid("ref is %d bytes long: at most %d are allowed", len(ref), maxRef)
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
