package link

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter bounds how long a relay can put the agent off.
const maxRetryAfter = 60 * time.Second

// proxyRefusal is a proxy's no to the way to the relay.
func proxyRefusal(status int) *Error {
	code := CodeProxyRefused
	if status == http.StatusProxyAuthRequired {
		code = CodeProxyAuth
	}
	return newError(code, "the proxy on the way refused to connect to the relay (HTTP %d %s)", status, http.StatusText(status))
}

// statusError is what a relay means by an answer other than a websocket.
func (t Target) statusError(resp *http.Response) *Error {
	code := resp.StatusCode
	e := newError(CodeOther, "the relay answered with HTTP %d %s", code, http.StatusText(code))
	e.retry = retryAfter(resp)
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		if t.Token == "" {
			return newError(CodeTokenMissing, "the relay wants a token (HTTP %d)", code)
		}
		return newError(CodeTokenRefused, "the relay refused the token (HTTP %d)", code)
	case code == http.StatusProxyAuthRequired:
		return proxyRefusal(code)
	case code/100 == 3:
		e.Code, e.Text = CodeRedirect, fmt.Sprintf("the relay answered with a redirect (HTTP %d), which is not followed: write the address it really has", code)
		e.Location, _ = resp.Location()
	case code/100 == 2:
		e.Code, e.Text = CodeNoWebsocket, fmt.Sprintf("no websocket there: the server answered with HTTP %d", code)
	case code == http.StatusBadRequest:
		e.Code = CodeBadRequest
	case code == http.StatusUpgradeRequired:
		e.Code = CodeNoWebsocket
	case code == http.StatusNotFound:
		e.Code = CodeNotFound
	case code == http.StatusTooManyRequests:
		e.Code = CodeBusy
	case code == http.StatusBadGateway, code == http.StatusGatewayTimeout:
		e.Code = CodeBadGateway
	case code/100 == 5:
		e.Code = CodeRelayTrouble
	}
	return e
}

// retryAfter is how long the relay wants to be left alone (RFC 9110, 10.2.3). A
// date is taken by the relay's own clock, if it tells it.
func retryAfter(resp *http.Response) (wait time.Duration) {
	value := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		wait = time.Duration(min(seconds, 3600)) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		now, err := http.ParseTime(resp.Header.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
