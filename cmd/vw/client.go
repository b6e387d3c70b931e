package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"vw/command/printable"
)

// askTimeout bounds a request to the agent of this machine.
const askTimeout = 10 * time.Second

// A client asks the agent of this machine.
type client struct {
	base  string // the agent's URL
	token string // the owner's, "" for none
	http  http.Client
}

// agentFlags adds the flags that say where the agent is, and returns what makes
// the client of them.
func agentFlags(s *settings) func() (*client, error) {
	port := s.Int("port", 8888, "TCP port of the agent")
	user := s.String("agent-user", "vw", "user that the agent may run as, besides you and root")
	return func() (*client, error) {
		if *port < 1 || *port > 65535 {
			return nil, fmt.Errorf("port %d is not one of 1 to 65535", *port)
		}
		return newClient(fmt.Sprintf("http://127.0.0.1:%d", *port), *user), nil
	}
}

// newClient makes a client that sends nothing, and believes nothing, before it
// knows that whoever listens there may be the agent.
func newClient(base, user string) *client {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if err := checkListener(conn.RemoteAddr().(*net.TCPAddr).Port, user); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return conn, nil
	}
	return &client{base: base, http: http.Client{
		Transport:     &http.Transport{DialContext: dial, DisableKeepAlives: true}, // and no proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// A strangerError says that somebody else may listen where the agent should.
type strangerError struct{ why string }

func (e *strangerError) Error() string { return e.why }

// ask sends a request, with a body as JSON unless that is nil, and reads the answer.
func (c *client) ask(ctx context.Context, method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if stranger := (*strangerError)(nil); errors.As(err, &stranger) {
		return stranger
	}
	if err != nil {
		u := req.URL.Host
		return fmt.Errorf("no agent answers at %s: is vw stream running there? Its port is set by --port or VW_PORT (%w)", u, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	came, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var refused struct{ Error string }
		if json.Unmarshal(came, &refused) != nil || refused.Error == "" {
			return fmt.Errorf("the agent answered with HTTP %s", resp.Status)
		}
		return errors.New(printable.Text(refused.Error))
	}
	if json.Unmarshal(came, answer) != nil {
		return c.noAgent()
	}
	return nil
}

func (c *client) noAgent() error {
	return fmt.Errorf("what answers at %s is no agent: --port or VW_PORT says where it is", c.base)
}
