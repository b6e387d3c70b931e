package link

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Target is where a link leads, and how it shows who it is.
type Target struct {
	URL   string
	Token string
	Auth  string // "", "bearer", "message" or "access"
	// Credential names a file that holds the token, in place of Token: in the folder
	// of credentials, or by its absolute path. It is read at each dial.
	Credential string
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

// mqttSuffix ends the scheme of a broker's URL: what is spoken on the websocket.
const mqttSuffix = "+mqtt"

// MQTT reports whether it is a broker, to which MQTT is spoken on the websocket.
func (t Target) MQTT() bool {
	scheme, _, _ := strings.Cut(t.URL, ":")
	return strings.HasSuffix(strings.ToLower(scheme), mqttSuffix)
}

// User is the user name in a broker's URL, "" for none.
func (t Target) User() string {
	u, err := url.Parse(t.URL)
	if err != nil {
		return ""
	}
	return u.User.Username()
}

// IsLoopback reports whether the URL names this machine.
func (t Target) IsLoopback() bool {
	u, err := url.Parse(t.URL)
	return err == nil && isLoopback(normalHost(u.Hostname()))
}

// shortToken is the length from which on a token is concealed inside words too.
const shortToken = 6

// Conceal takes the token out of what a relay said; a short one where it stands
// as a word of its own, since it would else be found in any text.
func (t Target) Conceal(text string) string {
	if t.Token == "" {
		return text
	}
	var b strings.Builder
	for before := rune(-1); ; {
		at := strings.Index(text, t.Token)
		if at < 0 {
			return b.String() + text
		}
		end := at + len(t.Token)
		if at > 0 {
			before, _ = utf8.DecodeLastRuneInString(text[:at])
		}
		after, _ := utf8.DecodeRuneInString(text[end:])
		b.WriteString(text[:at])
		if len(t.Token) < shortToken && (isWord(before) || isWord(after)) {
			b.WriteString(text[at:end])
		} else {
			b.WriteString("(token)")
		}
		before, _ = utf8.DecodeLastRuneInString(t.Token)
		text = text[end:]
	}
}

func isWord(char rune) bool { return unicode.IsLetter(char) || unicode.IsDigit(char) }

// Claims are what a token says of itself. Nobody has verified that: it is for
// reports.
type Claims struct {
	Expires  *time.Time // nil: it does not say
	Renew    *time.Time // from when on it nears its end; nil likewise
	ReadOnly bool       // it has scopes, and write is not one of them
}

// A token nears its end in the last tenth of its life, which is a week at most; in
// its last day where it does not say when it was issued.
const (
	nearPart    = 10
	maxNear     = 7 * 24 * time.Hour
	defaultNear = 24 * time.Hour
)

// date returns the claim of that name, nil for none: seconds since 1970, which may
// have a fraction.
func date(payload []byte, name string) *time.Time {
	var claims map[string]json.RawMessage
	var seconds *float64
	if json.Unmarshal(payload, &claims) != nil || json.Unmarshal(claims[name], &seconds) != nil || seconds == nil || math.Abs(*seconds) >= 1e11 {
		return nil
	}
	at := time.Unix(int64(*seconds), 0).UTC()
	return &at
}

// Claims returns those of a JSON web token (RFC 7519), none of another.
func (t Target) Claims() (c Claims) {
	parts := strings.Split(t.Token, ".")
	if len(parts) != 3 {
		return c
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return c
	}
	if exp := date(payload, "exp"); exp != nil {
		near := defaultNear
		if iat := date(payload, "iat"); iat != nil && iat.Before(*exp) {
			near = min(exp.Sub(*iat)/nearPart, maxNear)
		}
		renew := exp.Add(-near)
		c.Expires, c.Renew = exp, &renew
	}
	var granted struct {
		Scopes []string `json:"scopes"`
	}
	if json.Unmarshal(payload, &granted) == nil {
		c.ReadOnly = len(granted.Scopes) > 0 && !slices.Contains(granted.Scopes, "write")
	}
	return c
}
