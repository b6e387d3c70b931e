package cli

import (
	"fmt"
	"strings"

	"github.com/hbollon/go-edlib"
)

// Nearest returns the known word that a misspelt one may stand for, "" if none is
// near: one or two letters are wrong or change places, or it is the longer or the
// shorter by whole words or letters at its end.
func Nearest(word string, known []string) (nearest string) {
	word = strings.ToLower(word)
	const short = 5 // of a shorter word one letter may be wrong
	least := 3
	if len(word) < short {
		least = 2
	}
	for _, k := range known {
		if d := edlib.OSADamerauLevenshteinDistance(word, k); d < least {
			nearest, least = k, d
		}
	}
	for _, k := range known {
		if nearest == "" && len(word) > 2 && (strings.HasPrefix(k, word) || strings.HasPrefix(word, k+"-")) {
			nearest = k
		}
	}
	return nearest
}

// DidYouMean returns the question after a misspelt word, "" where nothing is near.
func DidYouMean(before, nearest string) string {
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s%s?)", before, nearest)
}
