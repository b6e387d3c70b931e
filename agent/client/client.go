// Package client asks the agent of this machine, over HTTP on loopback. It sends
// nothing, and believes nothing, before it knows that whoever listens there may
// be the agent. It must not know how an agent works, nor how answers are shown.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"vw/agent/owner"
	"vw/agent/status"
	"vw/command/printable"
	"vw/media"
)

const (
	// timeout bounds a request.
	timeout = 10 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 16 << 20
)

// Config says which agent a client asks.
type Config struct {
	URL   string
	Token string // the owner's; "" for none
	// User is the name of who the agent may run as, besides root and you.
	User string
	// Own says that this process is the agent: nobody else can listen there.
	Own bool
}

// A Client asks one agent.
type Client struct {
	config Config
	http   http.Client
}

// New returns a client.
func New(c Config) *Client {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if !c.Own {
			err = checkListener(conn.RemoteAddr().(*net.TCPAddr).Port, c.User)
		}
		if err != nil {
			_ = conn.Close()
			return nil, err
		}
		return conn, nil
	}
	return &Client{c, http.Client{
		Transport:     &http.Transport{DialContext: dial, DisableKeepAlives: true}, // and no proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// URL returns the agent's URL.
func (c *Client) URL() string { return c.config.URL }

// Status asks for the agent's status. It is also returned as it came.
func (c *Client) Status(ctx context.Context) (s status.Status, raw []byte, err error) {
	var came json.RawMessage
	if err := c.ask(ctx, http.MethodGet, "/api/stats", nil, &came); err != nil {
		return s, nil, err
	}
	if err := json.Unmarshal(came, &s); err != nil || s.Instance == "" {
		return s, nil, c.noAgent()
	}
	return s, came, nil
}

// Feeds asks for the state of all feeds, by name.
func (c *Client) Feeds(ctx context.Context) (feeds map[string]media.FeedInfo, err error) {
	if err = c.ask(ctx, http.MethodGet, "/api/feeds/all", nil, &feeds); err == nil && feeds == nil {
		err = c.noAgent()
	}
	return feeds, err
}

// Mute mutes a feed, or a part of one.
func (c *Client) Mute(ctx context.Context, feed string, when owner.When) (now status.Mutes, err error) {
	err = c.ask(ctx, http.MethodPut, "/api/mutes/"+url.PathEscape(feed), when, &now)
	return now, err
}

// Unmute ends a mute.
func (c *Client) Unmute(ctx context.Context, feed string) (now status.Mutes, err error) {
	err = c.ask(ctx, http.MethodDelete, "/api/mutes/"+url.PathEscape(feed), nil, &now)
	return now, err
}

// Lock locks or unlocks the rules.
func (c *Client) Lock(ctx context.Context, on bool) (now status.Lock, err error) {
	method := http.MethodDelete
	if on {
		method = http.MethodPut
	}
	err = c.ask(ctx, method, "/api/lock", nil, &now)
	return now, err
}

// Post posts a feed until body or ctx ends.
func (c *Client) Post(ctx context.Context, feed string, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL()+"/ts/"+url.PathEscape(feed), body)
	if err != nil {
		return err
	}
	return c.do(req, func(io.Reader) error { return nil })
}

// ask sends a request, with a body as JSON unless that is nil, and reads the answer.
func (c *Client) ask(ctx context.Context, method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL()+path, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	return c.do(req, func(came io.Reader) error {
		b, err := io.ReadAll(io.LimitReader(came, maxAnswer))
		if err == nil && json.Unmarshal(b, answer) != nil {
			err = c.noAgent()
		}
		return err
	})
}

// do sends a request, and has read take the answer unless that is an error.
func (c *Client) do(req *http.Request, read func(io.Reader) error) error {
	req.Header.Set("User-Agent", status.UserAgent)
	if c.config.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.config.Token)
	}
	resp, err := c.http.Do(req)
	if stranger := (*strangerError)(nil); errors.As(err, &stranger) {
		return stranger
	}
	if err != nil {
		return fmt.Errorf("no agent answers at %s: is vw stream running there? Its port is set by --port or VW_PORT (%w)", req.URL.Host, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 == 2 {
		return read(resp.Body)
	}
	var refused struct{ Error string }
	if json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&refused) != nil || refused.Error == "" {
		return fmt.Errorf("the agent answered with HTTP %s", resp.Status)
	}
	return errors.New(printable.Text(refused.Error))
}

func (c *Client) noAgent() error {
	return fmt.Errorf("what answers at %s is no agent: --port or VW_PORT says where it is", c.URL())
}

// A strangerError says that somebody else may listen where the agent should.
type strangerError struct{ why string }

func (e *strangerError) Error() string { return e.why }
