package link

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/url"
	"strings"
	"time"
)

// A Target is where a link leads, and how it shows who it is.
type Target struct {
	URL   string
	Token string
	Auth  string // "", "bearer", "message" or "access"
	// Local says that the owner of this machine gave the URL.
	Local bool
}

// Host is what a log may show of a target: its query may be a secret.
func (t Target) Host() string {
	u, err := url.Parse(t.URL)
	if err != nil {
		return "?"
	}
	return u.Host
}

// IsLoopback reports whether the URL names this machine.
func (t Target) IsLoopback() bool {
	u, err := url.Parse(t.URL)
	return err == nil && isLoopback(normalHost(u.Hostname()))
}

// Conceal takes the token out of what a relay said.
func (t Target) Conceal(text string) string {
	if t.Token == "" {
		return text
	}
	return strings.ReplaceAll(text, t.Token, "(token)")
}

// Expires returns when the token says that it ends, nil where it is no JSON web
// token (RFC 7519) or says nothing. Nobody has verified that: it is for reports.
func (t Target) Expires() *time.Time {
	parts := strings.Split(t.Token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var claims struct {
		Exp *float64 `json:"exp"` // seconds since 1970, which may have a fraction
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Exp == nil || math.Abs(*claims.Exp) > 1e11 {
		return nil
	}
	at := time.Unix(int64(*claims.Exp), 0).UTC()
	return &at
}
