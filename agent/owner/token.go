package owner

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"os"
	"strings"
)

// minToken is the shortest token that is taken, in bytes.
const minToken = 16

// A token is the owner's, hashed, so that a comparison takes as long for any
// length and any guess.
type token [sha256.Size]byte

// ReadToken reads a token from a file of one line.
func ReadToken(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the owner's token: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// readToken reads the token that unmutes and unlocks. A file that others may read
// or write guards nothing, and is refused.
func readToken(path string) (*token, error) {
	text, err := ReadToken(path)
	if err != nil {
		return nil, err
	}
	if len(text) < minToken {
		return nil, fmt.Errorf("the owner's token in %s is %d bytes long: make it %d at least, by head -c 18 /dev/urandom | base64", path, len(text), minToken)
	}
	if err := secret(path); err != nil {
		return nil, fmt.Errorf("the owner's token: %w", err)
	}
	t := token(sha256.Sum256([]byte(text)))
	return &t, nil
}

// matches reports whether a text is the token.
func (t *token) matches(text string) bool {
	given := sha256.Sum256([]byte(text))
	return subtle.ConstantTimeCompare(given[:], t[:]) == 1
}
