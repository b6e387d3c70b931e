package agent_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"vw/agent"
	"vw/agent/status"
	"vw/testrelay"
)

// jwt is a token with claims that nobody has signed.
func jwt(claims any) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"HS256"}`)) + "." + enc([]byte(jsonOf(claims))) + ".c2lnbmF0dXJl"
}

func TestStatusTellsWhenATokenExpires(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, nil, agent.Config{})
	for name, c := range map[string]struct{ token, want string }{
		"a":        {jwt(json.RawMessage(`{"exp":1700000000}`)), "2023-11-14T22:13:20Z"},
		"fraction": {jwt(json.RawMessage(`{"exp":1700000000.75,"sub":"x"}`)), "2023-11-14T22:13:20Z"},
		"none":     {jwt(json.RawMessage(`{"sub":"x"}`)), ""},
		"absurd":   {jwt(json.RawMessage(`{"exp":1e300}`)), ""},
		"text":     {jwt(json.RawMessage(`{"exp":"soon"}`)), ""},
		"opaque":   {"not.a.token", ""},
		"short":    {"secret", ""},
	} {
		a.request(t, "POST", "/api/destinations", jsonOf(map[string]string{
			"id": name, "stream": "v", "destination": relay.URL() + "/in/v", "token": c.token}))
		eventually(t, "it is dialled", func() bool { return a.destination(t, name).Dials > 0 })
		got := ""
		if at := a.destination(t, name).Expires; at != nil {
			got = at.Format("2006-01-02T15:04:05Z07:00")
		}
		if got != c.want {
			t.Errorf("%s: expires %q, want %q", name, got, c.want)
		}
	}
}

func (r *running) destination(t testing.TB, id string) status.Destination {
	t.Helper()
	_, stats := r.request(t, "GET", "/api/stats", "")
	var s status.Status
	decode(t, stats, &s)
	return s.Destinations[id]
}
