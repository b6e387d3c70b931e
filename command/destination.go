package command

import (
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Bounds of a destination rule's fields, in bytes.
const (
	maxURL   = 2048
	maxToken = 8192
	maxFile  = 512
)

// maxFolders is the most folders that a recording's path may have.
const maxFolders = 8

// Destination is a destination rule: what stream (or, where there is no rule
// of that name, feed) is sent where.
type Destination struct {
	ID          string
	Stream      string
	Destination string // the URL as it was written, "" where the rule has a file alone
	Auth        string // "", "bearer", "message" or "access"
	File        string // path under the record folder, "" for none
	Token       string // never marshalled, printed or logged
	// Credential names a file on the agent's machine that holds the token, in place
	// of Token. See TokenFile.
	Credential string
	// OfStream says that a stream rule named Stream has been in force since
	// the rule was added: while that is absent the destination is silent, and
	// does not fall back to the feed of the same name. Not in JSON.
	OfStream bool
	// Local says that the rule was added on this machine: it is the owner's.
	// Not in JSON.
	Local bool
	// Trial is how long an apiRule that has just been added has to prove
	// itself; set in the reply to the command alone.
	Trial time.Duration
	// Warning is what may have been mistyped; set in the reply alone.
	Warning string
	// Silent says that OfStream is true and the stream rule has gone; set in a
	// listing of the whole table alone.
	Silent bool
}

// ChannelRule is the command channel's rule as the owner has configured it.
func ChannelRule(url, token string) Destination {
	return Destination{ID: APIRule, Stream: APIStream, Destination: url, Token: token, Local: true}
}

// TokenFile reports whether the credential is a path, which no rule can name: it is
// the owner's, and shown as a token is.
func (d Destination) TokenFile() bool { return filepath.IsAbs(d.Credential) }

// MarshalJSON gives the rule as replies show it: "tokenSet":true in place of
// the token, and no word of OfStream and Local.
func (d Destination) MarshalJSON() ([]byte, error) {
	trial, credential := "", d.Credential
	if d.TokenFile() {
		credential = ""
	}
	if d.Trial > 0 {
		trial = d.Trial.String()
	}
	return encode(struct {
		ID          string `json:"id"`
		Stream      string `json:"stream"`
		Destination string `json:"destination,omitempty"`
		Auth        string `json:"auth,omitempty"`
		File        string `json:"file,omitempty"`
		Credential  string `json:"credential,omitempty"`
		TokenSet    bool   `json:"tokenSet,omitempty"`
		Trial       string `json:"trial,omitempty"`
		Warning     string `json:"warning,omitempty"`
		Silent      bool   `json:"silent,omitempty"`
	}{d.ID, d.Stream, d.Destination, d.Auth, d.File, credential, d.Token != "" || d.TokenFile(), trial, d.Warning, d.Silent})
}

// reads reports whether a rule reads like another.
func (d Destination) reads(like Destination) bool {
	d.OfStream, d.Local = like.OfStream, like.Local
	return d == like
}

// String is the rule as a log may show it: without its token, and without the
// path and query of its URL.
func (d Destination) String() string {
	if d.Destination == "" {
		return d.ID + ": " + d.Stream + " to the file " + d.File
	}
	host := "?"
	if u, err := url.Parse(d.Destination); err == nil {
		host = u.Host
	}
	return d.ID + ": " + d.Stream + " to " + host
}

// LogValue is String, for every kind of log handler.
func (d Destination) LogValue() slog.Value { return slog.StringValue(d.String()) }

// parseDestination reads a destination rule. tokenGiven says that it has a
// token of its own, which may be empty. Check is still to be called.
func parseDestination(raw json.RawMessage) (rule Destination, tokenGiven bool, err error) {
	fields, err := parseRule(raw)
	if err != nil {
		return Destination{}, false, err
	}
	return newDestination(fields)
}

// newDestination is parseDestination of a rule's fields. Whoever calls it knows
// those keys too.
func newDestination(fields object, known ...string) (rule Destination, tokenGiven bool, err error) {
	for _, field := range []struct {
		key      string
		value    *string
		required bool
	}{
		{"id", &rule.ID, true}, {"stream", &rule.Stream, true}, {"destination", &rule.Destination, !fields.given("file")},
		{"auth", &rule.Auth, false}, {"file", &rule.File, false}, {"token", &rule.Token, false}, {"credential", &rule.Credential, false},
	} {
		if field.required && !fields.given(field.key) {
			return Destination{}, false, about(field.key, invalid("%s is missing: a destination rule has id, stream, and destination or file", field.key))
		}
		if *field.value, err = fields.text(field.key); err != nil {
			return Destination{}, false, about(field.key, err)
		}
	}
	if rule.Stream, err = StreamName(rule.Stream); err != nil {
		return Destination{}, false, about("stream", err)
	}
	if err := checkCredential(rule); err != nil {
		return Destination{}, false, about("credential", err)
	}
	rule.Warning = fields.unknown(append(known, "id", "stream", "destination", "auth", "file", "token", "credential", "tokenset", "trial", "warning")...)
	return rule, fields.given("token"), nil
}

// Check says what the protocol has against the rule, nil for nothing; the
// error is an *Error. Whether the owner's policy lets it be dialled is
// Effects.Admit's to say.
func (d Destination) Check() error {
	if err := checkName("id", d.ID); err != nil {
		return about("id", err)
	}
	if err := checkName("stream", d.Stream); err != nil {
		return about("stream", err)
	}
	if (d.ID == APIRule) != (d.Stream == APIStream) {
		return about("id", invalid("stream %q and id %q are the command channel's and go together: change id %q or stream %q",
			APIStream, APIRule, d.ID, d.Stream))
	}
	if d.ID == APIRule && d.File != "" {
		return about("file", invalid("the command channel cannot be recorded: leave file out"))
	}
	if err := checkToken(d.Token); err != nil {
		return about("token", err)
	}
	if err := checkFile(d.File); err != nil {
		return about("file", err)
	}
	if d.Destination == "" && d.File != "" && d.ID != APIRule {
		if d.Auth != "" || d.Token != "" || d.Credential != "" {
			return about("destination", invalid("a token is for a relay, and the rule has a file alone: add destination, or leave the token out"))
		}
		return nil
	}
	scheme, err := checkURL(d.Destination)
	switch {
	case err != nil:
		return about("destination", err)
	case isMQTT(scheme) && d.ID != APIRule:
		return about("destination", invalid("a broker carries commands and no media: %s:// is for the command channel alone, write the ws:// or wss:// of a relay", scheme))
	case isMQTT(scheme) && d.Auth != "":
		return about("auth", invalid("a broker takes the token as a password: leave auth out"))
	}
	return d.checkAuth(scheme)
}

// isMQTT reports whether a URL's scheme is that of a broker.
func isMQTT(scheme string) bool { return strings.HasSuffix(scheme, "+mqtt") }

// checkURL returns the URL's scheme, or what is wrong with it. The words never
// repeat the URL, whose userinfo or query may be somebody's secret.
func checkURL(raw string) (scheme string, err error) {
	const example = "write it like wss://relay.example/in/video0"
	if raw == "" {
		return "", invalid("destination is empty: %s", example)
	}
	if len(raw) > maxURL {
		return "", invalid("destination is %d bytes long: at most %d are allowed", len(raw), maxURL)
	}
	if strings.ContainsFunc(raw, notInURL) {
		return "", invalid("destination holds a space or control character: leave it out, or write it as %%20 and the like")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", invalid("destination is not a URL: %s", example)
	}
	switch u.Scheme {
	case "ws", "wss", "http", "https", "ws+mqtt", "wss+mqtt":
	default:
		return "", invalid("destination must begin with ws:// or wss:// (or https:// where an access token is used): %s", example)
	}
	_, hasPassword := u.User.Password()
	if u.Hostname() == "" {
		return "", invalid("destination names no host: %s", example)
	}
	if strings.ContainsFunc(u.Hostname(), notInHost) {
		return "", invalid("destination's host holds a character that no name or address has, or a zone: %s", example)
	}
	if u.User != nil && (hasPassword || !isMQTT(u.Scheme)) { // a broker may want a user name beside the token
		return "", invalid(`destination holds a user name or password: leave it out and use "token"`)
	}
	if strings.Contains(raw, "#") {
		return "", invalid("destination has a fragment: leave out the # and what follows it")
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) || strings.HasSuffix(u.Host, ":") {
		return "", invalid("destination has a port that is not one of 1 to 65535: correct it or leave out the colon")
	}
	return u.Scheme, nil
}

// notInURL is true too of U+FFFD, which stands for what JSON could not say.
func notInURL(char rune) bool {
	return unicode.IsControl(char) || unicode.IsSpace(char) || char == unicode.ReplacementChar
}

// notInHost is true of what is in no name of ASCII letters and no address; of
// the percent sign before an address's zone too.
func notInHost(char rune) bool {
	return (char < 'a' || char > 'z') && (char < 'A' || char > 'Z') && (char < '0' || char > '9') && !strings.ContainsRune("-._:", char)
}

// checkAuth says whether scheme, auth and token go together.
func (d Destination) checkAuth(scheme string) error {
	access := scheme == "http" || scheme == "https"
	hasToken := d.Token != "" || d.Credential != ""
	switch d.Auth {
	case "":
		if access && !hasToken {
			return about("token", invalid(`an %s:// destination is asked for access with a token: add "token", or write ws:// or wss://`, scheme))
		}
	case "access":
		if !access {
			return about("auth", invalid(`auth "access" asks an https:// destination for access: write https://, or leave auth out`))
		}
	case "bearer", "message":
		if access {
			return about("auth", invalid(`auth %q is for ws:// and wss://: write wss://, or leave auth out`, d.Auth))
		}
		if !hasToken {
			return about("token", invalid(`auth %q needs a token: add "token"`, d.Auth))
		}
	default:
		return about("auth", invalid(`auth must be "bearer", "message" or "access", or be left out`))
	}
	return nil
}

// checkToken keeps line ends out of the handshake's headers.
func checkToken(token string) error {
	if len(token) > maxToken {
		return invalid("token is %d bytes long: at most %d are allowed", len(token), maxToken)
	}
	if strings.ContainsFunc(token, func(char rune) bool { return char < ' ' || char > '~' }) {
		return invalid("token holds a line end, control character or letter beyond ASCII: send it as it was issued")
	}
	return nil
}

// checkCredential checks the credential that a rule names.
func checkCredential(d Destination) error {
	switch name := d.Credential; {
	case name == "":
		return nil
	case d.Token != "":
		return invalid("token and credential are two ways to give a token: leave one out")
	case strings.HasPrefix(name, "vw."):
		return invalid("credential %.40q is vw's own: give the token a file of another name", name)
	case checkName("credential", name) != nil || strings.ContainsAny(name, "/") || name[0] == '.':
		return invalid("credential must be the plain name of a file: 1 to 128 of A-Z a-z 0-9 . _ ~ -, no /, no . at its beginning")
	}
	return nil
}

// checkFile checks a recording's path as far as that goes without a disk.
func checkFile(file string) error {
	if file == "" {
		return nil
	}
	if len(file) > maxFile {
		return invalid("file is %d bytes long: at most %d are allowed", len(file), maxFile)
	}
	if folders := strings.Count(file, "/"); folders > maxFolders {
		return invalid("file is in %d folders: at most %d are allowed", folders, maxFolders)
	}
	if file == "." || !fs.ValidPath(file) || strings.ContainsFunc(file, func(char rune) bool {
		return char == '\\' || unicode.IsControl(char)
	}) {
		return invalid(`file must be a path inside the record folder, such as "lab/video.ts": no leading /, no .., no \ or control character`)
	}
	return nil
}

// secret is what of a rule's token no reply shows: the token, or the file that the
// owner named.
func (d Destination) secret() (token, credential string) {
	if d.TokenFile() {
		return d.Token, d.Credential
	}
	return d.Token, ""
}

// takesTokenOf reports whether the token that was given for another rule may be
// kept for this one: it must not be sent where its giver did not send it. Both
// rules' URLs are valid, or have no host.
func (d Destination) takesTokenOf(other Destination) bool {
	a, errA := url.Parse(d.Destination)
	b, errB := url.Parse(other.Destination)
	if errA != nil || errB != nil || a.Scheme != b.Scheme || host(a) != host(b) || port(a) != port(b) {
		return false
	}
	bearer := func(auth string) bool { return auth == "" || auth == "bearer" }
	if d.Auth != other.Auth && !(bearer(d.Auth) && bearer(other.Auth)) {
		return false
	}
	return d.Auth != "message" || a.RequestURI() == b.RequestURI()
}

// host is a URL's host as it is compared.
func host(u *url.URL) string { return strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) }

func port(u *url.URL) string {
	switch port := u.Port(); {
	case port != "":
		return strings.TrimLeft(port, "0")
	case u.Scheme == "wss" || u.Scheme == "https" || u.Scheme == "wss+mqtt":
		return "443"
	}
	return "80"
}
