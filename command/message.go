package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vw/command/printable"
)

// MaxCommand is the longest message that is taken, in bytes.
const MaxCommand = 1 << 20

// TooLong is the reply to a message that was read past because it exceeds
// MaxCommand.
func TooLong() []byte {
	return refusal(&Error{Kind: Invalid, Why: "the command is longer than 1 MiB (1048576 bytes): send less at a time"})
}

// ReplyTooLong is the reply in place of one that is longer than a broker takes.
func ReplyTooLong() []byte {
	return refusal(&Error{Kind: Conflict, Why: "the reply is longer than the broker takes: ask for less at a time"})
}

// values yields the JSON values of one message, which relays may have glued
// together. What is no JSON, an empty message too, ends it with one error.
func values(message []byte) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		decoder := json.NewDecoder(bytes.NewReader(message))
		for first := true; ; first = false {
			var value json.RawMessage
			err := decoder.Decode(&value)
			if errors.Is(err, io.EOF) && !first {
				return
			}
			// encoding/json would mend bad UTF-8 into other words than were sent.
			if err == nil && !utf8.Valid(value) {
				err = errUnrecognised
			}
			if !yield(value, err) || err != nil {
				return
			}
		}
	}
}

// object is one JSON object. The keys of a command or rule are in lower case.
type object struct {
	keys  []string // in the order given
	value map[string]json.RawMessage
	twice string // the first key that was given again; its first value is kept
}

// parseObject reads one well-formed JSON value, and takes each of its keys as it is
// or in lower case. It is false for one that is no object.
func parseObject(raw json.RawMessage, char func(rune) rune) (object, bool) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return object{}, false
	}
	parsed := object{value: map[string]json.RawMessage{}}
	for decoder.More() {
		token, err := decoder.Token()
		key, isKey := token.(string)
		var value json.RawMessage
		if err != nil || !isKey || decoder.Decode(&value) != nil {
			return object{}, false
		}
		key = strings.Map(char, key)
		if _, known := parsed.value[key]; !known {
			parsed.keys = append(parsed.keys, key)
			parsed.value[key] = value
		} else if parsed.twice == "" {
			parsed.twice = key
		}
	}
	return parsed, true
}

// lowerASCII folds A to Z alone: the Kelvin sign is no k.
func lowerASCII(char rune) rune {
	if 'A' <= char && char <= 'Z' {
		return char + 'a' - 'A'
	}
	return char
}

// asWritten keeps a key: names of rules differ in case.
func asWritten(char rune) rune { return char }

// once refuses an object in which a key was given twice.
func (o object) once() error {
	if o.twice != "" {
		return invalid("%.40q is given twice (upper and lower case are alike): give each key once", o.twice)
	}
	return nil
}

// given says whether there is a value for key. A null is none.
func (o object) given(key string) bool {
	value, known := o.value[key]
	return known && string(value) != "null"
}

// text returns the string under key, "" where none is given.
func (o object) text(key string) (string, error) {
	if !o.given(key) {
		return "", nil
	}
	var text string
	if json.Unmarshal(o.value[key], &text) != nil {
		return "", invalid("%s must be a string: write its value in double quotes", key)
	}
	return text, nil
}

// word is text that is compared with known words: what is no string is "".
func (o object) word(key string) string {
	word, _ := o.text(key) // no string is no known word
	return word
}

// duration returns the time under key, absent where none is given.
func (o object) duration(key string, absent, least, most time.Duration) (time.Duration, error) {
	text, err := o.text(key)
	if err != nil || !o.given(key) {
		return absent, err
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < least || d > most {
		return 0, invalid(`%s must be a time from %v to %v, such as "30s"`, key, least, most)
	}
	return d, nil
}

// unknown says which keys are none of the known ones, which are in lower case;
// "" for none.
func (o object) unknown(known ...string) string {
	keys := slices.DeleteFunc(slices.Clone(o.keys), func(key string) bool { return slices.Contains(known, key) })
	if len(keys) == 0 {
		return ""
	}
	return "no such key, passed over: " + some(keys)
}

// some names a few of what may be many.
func some(names []string) string {
	const most = 3
	var text strings.Builder
	for _, name := range names[:min(len(names), most)] {
		fmt.Fprintf(&text, "%.40q ", name)
	}
	if more := len(names) - most; more > 0 {
		fmt.Fprintf(&text, "and %d more", more)
	}
	return strings.TrimSpace(text.String())
}

// warning adds words to a warning; both may be "".
func warning(said, more string) string {
	if said == "" || more == "" {
		return said + more
	}
	return said + "; " + more
}

// verb is false for an object that is no command.
func (o object) verb() (string, bool) {
	verb, err := o.text("verb")
	return verb, err == nil && o.given("verb")
}

// parseRule reads a rule: exactly one JSON object.
func parseRule(raw json.RawMessage) (object, error) {
	if !json.Valid(raw) || !utf8.Valid(raw) {
		return object{}, invalid("the rule is not JSON: send one JSON object")
	}
	rule, isObject := parseObject(raw, lowerASCII)
	if !isObject {
		return object{}, invalid("the rule is no JSON object: write it in braces, {…}")
	}
	return rule, rule.once()
}

// encode is JSON as it is sent: on one line, with <, > and & as they are.
func encode(value any) ([]byte, error) {
	var line bytes.Buffer
	if err := printable.NewEncoder(&line).Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(line.Bytes(), []byte("\n")), nil
}

// unrecognised is the reply to what is no command. The hint says why.
func unrecognised(hint string) []byte {
	line, _ := encode(struct { // strings always encode
		Error string `json:"error"`
		Hint  string `json:"hint"`
	}{errUnrecognised.Why, hint})
	return line
}

// refusal is the reply to a command that was not done.
func refusal(err error) []byte {
	line, _ := encode(map[string]string{"error": err.Error()}) // a map of strings always encodes
	return line
}
