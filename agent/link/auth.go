package link

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Access asks an access relay, which has an http:// or https:// URL, for the one
// to dial, which works once. Another target it returns as it is.
func (d *Dialer) Access(ctx context.Context, t Target) (Target, error) {
	if !strings.HasPrefix(t.URL, "http") {
		return t, nil
	}
	u, err := d.Policy.URL(t)
	if err != nil {
		return t, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), nil)
	if err != nil {
		return t, errNoURL
	}
	req.Header.Set("Authorization", t.Token)
	resp, err := d.Client(t, d.TLS).Do(req)
	if err != nil {
		return t, d.Describe(err)
	}
	defer resp.Body.Close()
	var body []byte
	if resp.StatusCode != http.StatusSwitchingProtocols { // what comes then is no body, and no timeout ends it
		if body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
			return t, fmt.Errorf("read the access relay's answer: %w", d.Describe(err))
		}
	}
	if resp.StatusCode != http.StatusOK {
		return t, t.accessError(resp, body)
	}
	var grant struct {
		URI string `json:"uri"`
	}
	if err := json.Unmarshal(body, &grant); err != nil || grant.URI == "" {
		return t, newError(CodeNoAccess, "the access relay named no URL to dial")
	}
	to, err := url.Parse(grant.URI)
	if err != nil || to.Scheme != "wss" && to.Scheme != "ws" || to.Hostname() == "" || to.User != nil {
		return t, newError(CodeNoAccess, "the access relay named something else than a websocket URL")
	}
	t.URL, t.Auth = grant.URI, "access"
	return t, d.Policy.Check(t)
}

// accessError is what an access relay means that does not let us in: 4xx is a
// refusal, and 5xx that speaks of the token. A path that it does not know (404)
// is no word on the token.
func (t Target) accessError(resp *http.Response, body []byte) *Error {
	var said struct{ Message, Reason string }
	_ = json.Unmarshal(body, &said) // what is no JSON object is not repeated
	words := said.Message
	if words == "" {
		words = said.Reason
	}
	e := t.statusError(resp)
	switch code := resp.StatusCode; {
	case code/100 == 5 && aboutToken.Match(body):
		e = newError(CodeTokenRefused, "the relay refused the token (HTTP %d)", code)
	case code/100 == 4 && code != http.StatusTooManyRequests && code != http.StatusNotFound:
		e.refused = true
	case code/100 <= 2:
		e.Code, e.Text = CodeNoAccess, fmt.Sprintf("no access is given there: the server answered with HTTP %d", code)
	}
	if words != "" {
		e.Text += ": " + quoted(t.Conceal(words))
	}
	return e
}

// aboutToken is what relays say in a 5xx that refuses a token; practable's
// names the claim.
var aboutToken = regexp.MustCompile(`(?i)\b(token|jwt|aud|audience|scopes?|expired|signature)\b`)

// closeError says what it means that a relay closes a link with 1008 (policy
// violation) right after it has come up; denied is the reason that it gave
// before, if that was the refusal of the message flow, and closed that of its
// close frame.
func (t Target) closeError(denied, closed string) *Error {
	said := ""
	if reason := denied + closed; reason != "" {
		said = ": " + quoted(t.Conceal(reason))
	}
	if t.Token == "" {
		return newError(CodeTokenMissing, "the relay wants a token%s", said)
	}
	if denied != "" && t.Auth != "message" {
		said += `; it may want it as the first message: "auth":"message"`
	}
	return newError(CodeTokenRefused, "the relay refused the token%s", said)
}

// denial is the reason in a refusal of the message flow, "" for anything else.
func denial(message []byte) string {
	var word struct {
		Authorised *bool  `json:"authorised"`
		Reason     string `json:"reason"`
	}
	if len(message) > maxAnswer || !bytes.Contains(message, []byte(`"authorised"`)) || json.Unmarshal(message, &word) != nil ||
		word.Authorised == nil || *word.Authorised {
		return ""
	}
	return word.Reason
}

// Authenticate sends the token as the first message, where the target is one
// that wants it so, and waits for the word of the relay. That counts now only:
// later anybody on the topic could send it.
func (c *Conn) Authenticate(ctx context.Context, t Target) error {
	if t.Auth != "message" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout) // a deadline of reads a pong would put off
	defer cancel()
	stop := context.AfterFunc(ctx, c.Abort)
	defer stop()
	if err := c.WriteText([]byte(t.Token)); err != nil {
		return fmt.Errorf("send the token: %w", err)
	}
	var data []byte
	_, r, err := c.ws.NextReader()
	if err == nil {
		err = c.take(ctx, r, maxAnswer, func(all []byte) { data = all })
	}
	if err != nil {
		if ctx.Err() == context.DeadlineExceeded {
			return newError(CodeTokenUnanswered, "the relay did not answer the token within %v", c.timeout)
		}
		return fmt.Errorf("wait for the answer to the token: %w", err)
	}
	var word struct {
		Authorised bool   `json:"authorised"`
		Reason     string `json:"reason"`
	}
	if err := json.Unmarshal(data, &word); err != nil {
		return newError(CodeNoReply, "the relay's answer to the token is not what was expected")
	}
	if !word.Authorised {
		return newError(CodeTokenRefused, "the relay refused the token: %s", quoted(t.Conceal(word.Reason)))
	}
	return c.alive()
}
