package send

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"vw/command"
)

// refRoom is what a ref of ours adds to a command, in bytes.
const refRoom = 64

// A rawCommand is a command as it was written.
type rawCommand struct {
	text      string
	ref       *string // its own, if it has one
	addressed bool    // has a ref or to: whoever wrote it expects the reply in its envelope
}

// readCommands reads the arguments, or where there are none the lines of
// standard input, and refuses all of them if one is no command. Its errors do
// not repeat a command, which may hold a token.
func readCommands(ctx context.Context, args []string, stdin io.Reader) (commands []rawCommand, err error) {
	for i, text := range args {
		c, err := parseCommand(text)
		if err != nil {
			return nil, fmt.Errorf("command %d: %w; nothing was sent", i+1, err)
		}
		commands = append(commands, c)
	}
	if len(args) > 0 {
		return commands, nil
	}
	in := newInput(ctx, stdin)
	for n := 1; ; n++ {
		text, err := in.next(ctx)
		switch {
		case errors.Is(err, io.EOF) && len(commands) == 0:
			return nil, errors.New("which command? Give it as an argument or on standard input, a line each; nothing was sent")
		case errors.Is(err, io.EOF):
			return commands, nil
		case err != nil:
			return nil, fmt.Errorf("line %d: %w; nothing was sent", n, err)
		case text == "":
			continue
		}
		c, err := parseCommand(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w; nothing was sent", n, err)
		}
		commands = append(commands, c)
	}
}

// parseCommand reads one command. What only the agents can judge is left to them.
func parseCommand(text string) (rawCommand, error) {
	text = strings.TrimSpace(text)
	c := rawCommand{text: text}
	if len(text) > command.MaxCommand-refRoom {
		return c, fmt.Errorf("it is longer than agents take (%d bytes): send less at a time", command.MaxCommand-refRoom)
	}
	var whole json.RawMessage
	if !utf8.ValidString(text) {
		return c, errors.New("it is not UTF-8")
	}
	if err := json.Unmarshal([]byte(text), &whole); err != nil {
		return c, fmt.Errorf(`it is no JSON object on one line, such as {"verb":"healthcheck"}: %w`, err)
	}
	if whole[0] != '{' {
		return c, errors.New(`it is no JSON object, such as {"verb":"healthcheck"}`)
	}
	keys := map[string]json.RawMessage{}
	d := json.NewDecoder(bytes.NewReader(whole))
	_, _ = d.Token() // the brace
	for d.More() {
		token, _ := d.Token() // it is valid JSON
		var value json.RawMessage
		_ = d.Decode(&value)
		key := strings.ToLower(fmt.Sprint(token)) // agents take any case
		if keys[key] != nil {
			return c, fmt.Errorf("%.40q is given twice (upper and lower case are alike): give each key once", key)
		}
		keys[key] = value
	}
	var verb string
	if json.Unmarshal(keys["verb"], &verb) != nil || verb == "" {
		return c, errors.New(`it has no "verb" that is a string: write a command like {"verb":"healthcheck"}`)
	}
	if ref, given := keys["ref"]; given {
		if json.Unmarshal(ref, &c.ref) != nil || c.ref == nil || *c.ref == "" || len(*c.ref) > command.MaxRef {
			return c, fmt.Errorf("its ref is not a string of 1 to %d bytes: write one, or leave it out", command.MaxRef)
		}
	}
	c.addressed = c.ref != nil || keys["to"] != nil
	return c, nil
}

// withRef returns the command as it is sent, with a ref that no other has if it has
// none of its own. All else is sent as it was written.
func (c rawCommand) withRef() (message []byte, ref string) {
	if c.ref != nil {
		return []byte(c.text), *c.ref
	}
	ref = uuid.NewString()
	return []byte(`{"ref":"` + ref + `",` + c.text[1:]), ref // there is a verb behind the comma
}

// An answer is what an agent sent back.
type answer struct {
	Ref   *string         `json:"ref"`
	From  string          `json:"from"`
	Reply json.RawMessage `json:"reply"`
	at    time.Time
	whole json.RawMessage
}

// answers are those that one message holds: relays glue messages together, and
// others' commands and replies are on the same topic.
func answers(message []byte) (found []answer) {
	d := json.NewDecoder(bytes.NewReader(message))
	for {
		a := answer{at: time.Now()}
		if d.Decode(&a.whole) != nil {
			return found
		}
		if json.Unmarshal(a.whole, &a) == nil && a.Ref != nil && a.From != "" && len(a.Reply) > 0 {
			found = append(found, a)
		}
	}
}

// refusal returns what an agent had against the command, "" for nothing.
func (a answer) refusal() string {
	var reply map[string]any
	if json.Unmarshal(a.Reply, &reply) != nil {
		return ""
	}
	why, isText := reply["error"].(string) // a stream of that name has a list
	if isText && why == "" {
		return "an error without words"
	}
	if hint, _ := reply["hint"].(string); why != "" && hint != "" {
		why += ": " + hint
	}
	return why
}

// plain is the reply as it had come to the command as it was written: without
// the envelope, if that is there for our ref alone.
func (a answer) plain(c rawCommand) string {
	if c.addressed {
		return compact(a.whole)
	}
	return compact(a.Reply)
}

func compact(value json.RawMessage) string {
	var line bytes.Buffer
	if json.Compact(&line, value) != nil {
		return ""
	}
	return line.String()
}
