// Package tokens is a file that tells what each token may do at a relay. It
// knows the file and the clock alone.
//
// A line is one token: the token or "sha256:" and its SHA-256 in hexadecimal,
// what it may do (in, out, or both: bi), a pattern of topics, in which *
// stands for any characters and ? for one, and optionally when it ends, as
// 2006-01-02 (that day included, UTC) or 2006-01-02T15:04:05Z.
// Empty lines and lines that begin with # say nothing.
package tokens

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// shortest is the length of the shortest token, in characters.
const shortest = 16

// list is a file that has been read.
type list []entry

// entry is one line.
type entry struct {
	sum     [sha256.Size]byte
	in, out bool
	topics  *regexp.Regexp
	until   time.Time // zero: for ever
}

// allows is constant in time for what the token is: it looks at its sum alone.
func (l list) allows(token, way, topic string, now time.Time) bool {
	sum := sha256.Sum256([]byte(token))
	for _, e := range l {
		if e.sum == sum && e.may(way) && e.topics.MatchString(topic) && (e.until.IsZero() || now.Before(e.until)) {
			return true
		}
	}
	return false
}

func (e entry) may(way string) bool {
	return (way == "in" || way == "out" || way == "bi") && (way == "out" || e.in) && (way == "in" || e.out)
}

// parse reads a whole file. Its error names the line and never shows a token.
func parse(text string) (list, error) {
	var l list
	n := 0
	for line := range strings.Lines(text) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		e, err := parseEntry(words)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		l = append(l, e)
	}
	return l, nil
}

func parseEntry(words []string) (e entry, err error) {
	if len(words) < 3 || len(words) > 4 {
		return e, fmt.Errorf("it has %d words: write the token, in, out or bi, a pattern of topics, and the day of its end where it has one", len(words))
	}
	if e.sum, err = parseToken(words[0]); err != nil {
		return e, err
	}
	switch words[1] {
	case "in":
		e.in = true
	case "out":
		e.out = true
	case "bi", "in,out", "out,in":
		e.in, e.out = true, true
	default:
		return e, fmt.Errorf("a token may in, out or bi, not %q", words[1])
	}
	e.topics = glob(words[2])
	if len(words) == 4 {
		e.until, err = parseEnd(words[3])
	}
	return e, err
}

func parseToken(word string) (sum [sha256.Size]byte, err error) {
	digits, hashed := strings.CutPrefix(word, "sha256:")
	switch {
	case hashed:
		b, err := hex.DecodeString(digits)
		if err != nil || len(b) != len(sum) {
			return sum, errors.New("sha256: is to be followed by 64 hexadecimal digits")
		}
		return [sha256.Size]byte(b), nil
	case len(word) < shortest:
		return sum, fmt.Errorf("the token has %d characters, fewer than %d: it could be guessed", len(word), shortest)
	}
	return sha256.Sum256([]byte(word)), nil
}

// glob is a pattern as a regular expression.
func glob(pattern string) *regexp.Regexp {
	quoted := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(strings.TrimPrefix(pattern, "/")))
	return regexp.MustCompile(`(?s)^` + quoted + `$`)
}

func parseEnd(word string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, word); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	t, err := time.Parse(time.RFC3339, word)
	if err != nil {
		return t, fmt.Errorf("%q is no day such as 2027-01-31, nor a time such as 2027-01-31T18:00:00Z", word)
	}
	return t, nil
}
