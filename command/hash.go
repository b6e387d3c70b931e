package command

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// What makes a guess of a token by a table's hash expensive: see hash.
const (
	hashSalt   = "vw rules"
	hashRounds = 10_000
)

// hash returns what tells a table from any other, apiRule left out, on every agent
// and in every version: 64 hexadecimal digits. It is the SHA-256 of canonical, or
// where that holds a token its PBKDF2 with HMAC-SHA-256 (RFC 8018): whoever listens
// on the channel is told the hash and can list the rest of the table, and must have
// no cheap way to try what a token may be. No secret is in it, since agents are
// compared by it that have none in common.
func (r Rules) hash() string {
	text, secret := r.canonical()
	if !secret {
		sum := sha256.Sum256(text)
		return hex.EncodeToString(sum[:])
	}
	sum, err := pbkdf2.Key(sha256.New, string(text), []byte(hashSalt), hashRounds, sha256.Size)
	if err != nil { // the length is allowed
		return ""
	}
	return hex.EncodeToString(sum)
}

// canonical returns the table as it is listed, in the one form that RFC 8785 gives
// to JSON, with the SHA-256 of each token in place of "tokenSet". Secret says that
// there is one.
func (r Rules) canonical() (text []byte, secret bool) {
	listed := r.table()
	destinations := make(map[string]map[string]any, len(listed.Destinations))
	for id, d := range listed.Destinations {
		rule := map[string]any{}
		line, err := d.MarshalJSON()
		if err != nil || json.Unmarshal(line, &rule) != nil { // strings and booleans always encode
			continue
		}
		if d.Token != "" {
			sum := sha256.Sum256([]byte(d.Token))
			delete(rule, "tokenSet")
			rule["token"], secret = hex.EncodeToString(sum[:]), true
		}
		destinations[id] = rule
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(map[string]any{"streams": listed.Streams, "destinations": destinations}) // to memory
	// Two line separators are all that encoding/json escapes and RFC 8785 does not.
	plain := strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029").Replace(strings.TrimSuffix(b.String(), "\n"))
	return []byte(plain), secret
}
