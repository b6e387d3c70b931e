package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"
)

// maxGrant bounds what is read of an answer that comes before there is a link,
// in bytes.
const maxGrant = 64 << 10

// access asks an access relay for the URL to dial, which works once.
func (c *caller) access(ctx context.Context, u *url.URL) (*url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), nil)
	if err != nil {
		return nil, errors.New("it is no URL")
	}
	req.Header.Set("Authorization", c.token)
	client := http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: proxy, DialContext: dialSocket, TLSClientConfig: c.tls, DisableKeepAlives: true},
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, c.why(ctx, err, nil)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxGrant))
	if err != nil {
		return nil, c.why(ctx, err, nil)
	}
	switch {
	case resp.StatusCode/100 == 5 && strings.Contains(strings.ToLower(string(body)), "token"):
		return nil, fmt.Errorf("the relay refused the token (HTTP %d)", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return nil, c.why(ctx, websocket.ErrBadHandshake, resp)
	}
	var grant struct{ URI string }
	if err := json.Unmarshal(body, &grant); err != nil {
		return nil, errors.New("the access relay named no URL to dial")
	}
	to, err := url.Parse(grant.URI)
	if err != nil || to.Scheme != "ws" && to.Scheme != "wss" || to.Hostname() == "" || to.User != nil {
		return nil, errors.New("the access relay named something else than a websocket URL")
	}
	return to, c.guard(to)
}

// present shows the token as the first message and waits for the relay's word.
func (c *caller) present(ctx context.Context, ws *websocket.Conn) error {
	defer context.AfterFunc(ctx, func() { ws.Close() })()
	if err := ws.WriteMessage(websocket.TextMessage, []byte(c.token)); err != nil {
		return c.why(ctx, fmt.Errorf("send the token: %w", err), nil)
	}
	_, r, err := ws.NextReader()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("the relay did not answer the token within %v", c.within)
	}
	if err != nil {
		return c.why(ctx, fmt.Errorf("wait for the answer to the token: %w", err), nil)
	}
	var word struct {
		Authorised bool
		Reason     string
	}
	if err := json.NewDecoder(io.LimitReader(r, maxGrant)).Decode(&word); err != nil {
		return errors.New("the relay's answer to the token is not what was expected")
	}
	if !word.Authorised {
		return fmt.Errorf("the relay refused the token: %.200q", strings.ReplaceAll(word.Reason, c.token, "(token)"))
	}
	return nil
}
