// Package printable keeps strangers' words from steering a terminal, and from
// changing what a person reads: control characters (C0, DEL, C1), those that turn
// the direction of writing, and whatever else cannot be seen become \u escapes.
// All that this program prints, logs or answers with such words passes here. It
// knows nothing else.
package printable

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Text is a line of text whose characters can all be seen.
func Text(line string) string { return escape(line, 0) }

// JSON is the same JSON. Its own encoder has seen to C0, and line breaks between
// values stay.
func JSON(text []byte) []byte {
	for _, b := range text {
		if b >= 0x7f {
			return []byte(escape(string(text), 0x7f))
		}
	}
	return text
}

func escape(text string, from rune) string {
	var b strings.Builder
	for _, char := range text {
		if char < from || unicode.IsPrint(char) {
			b.WriteRune(char)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, char) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// A JSONWriter writes JSON to another writer. What is written to it at once has
// to end with a character that is whole.
type JSONWriter struct{ io.Writer }

// Write writes all of text, or fails.
func (w JSONWriter) Write(text []byte) (int, error) {
	if _, err := w.Writer.Write(JSON(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}

// NewEncoder is an encoder whose JSON can be shown, with <, > and & as they are.
func NewEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(JSONWriter{w})
	e.SetEscapeHTML(false)
	return e
}
