package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vw/agent"
	"vw/agent/link"
	"vw/testrelay"
)

// credentials makes a folder of credentials.
func credentials(t testing.TB, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		put(t, filepath.Join(dir, name), text)
	}
	return dir
}

// put replaces a file at once, as whoever renews a token does.
func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// holding is a rule with a credential, as it is sent and as it is shown.
func holding(id, url, credential string) string {
	return jsonOf(map[string]string{"id": id, "stream": "v", "destination": url, "credential": credential})
}

func TestCredentialIsReadAnewAtEachDial(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	guarded := listen(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: "canary-1"})
	dir := credentials(t, map[string]string{"relay1": "canary-1\n"})
	state := filepath.Join(t.TempDir(), "state")
	a := start(t, relay, agent.Config{CredentialsDir: dir, State: state})
	c := orchestrate(t, relay, "agent1")
	rule := holding("0", guarded.URL()+"/in/v", "relay1")
	c.want(`{"verb":"add","what":"destination","rule":`+rule+`}`, rule)
	awaitVisits(t, guarded, "/in/v", func(v []testrelay.Visit) bool {
		return v[0].Up && v[0].Header.Get("Authorization") == "Bearer canary-1"
	})
	put(t, filepath.Join(dir, "relay1"), "canary-2")
	guarded.SetToken("canary-2")
	guarded.Drop("/")
	awaitVisits(t, guarded, "/in/v", func(v []testrelay.Visit) bool { return len(v) > 1 && v[len(v)-1].Up })
	c.want(`{"verb":"list","what":"destination","which":"0"}`, rule)
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(state)
	if err != nil || !strings.Contains(string(text), `"relay1"`) {
		t.Errorf("the state is %s (%v)", text, err)
	}
	secretive(t, "the state", string(text))
	start(t, relay, agent.Config{CredentialsDir: dir, State: state})
	awaitVisits(t, guarded, "/in/v", func(v []testrelay.Visit) bool { return len(v) > 2 && v[len(v)-1].Up })
}

func TestCredentialThatCannotBeUsedIsToldWithAdvice(t *testing.T) {
	t.Parallel()
	guarded := listen(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: "canary-1"})
	dir := credentials(t, map[string]string{"empty": " \n", "long": strings.Repeat("canary", 2000), "huge": strings.Repeat("canary", 20_000), "letters": "canäry",
		"others": "canary-1\n*.example, relay.test\n", "here": "canary-1\nlocalhost\n127.0.0.1", "..data": "canary-1"})
	outside := filepath.Join(t.TempDir(), "outside")
	put(t, outside, "canary-1")
	for name, to := range map[string]string{"link": outside, "inside": "..data"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	a := start(t, nil, agent.Config{CredentialsDir: dir})
	for name, want := range map[string]struct {
		code link.Code
		word string
	}{
		"missing": {link.CodeCredentialMissing, "not there"},
		"empty":   {link.CodeCredential, "empty"},
		"long":    {link.CodeCredential, "longer than 8192"},
		"huge":    {link.CodeCredential, "longer than 16384"},
		"letters": {link.CodeCredential, "no token"},
		"others":  {link.CodeCredential, "which hosts"},
		"link":    {link.CodeCredential, "escapes"},
		"folder":  {link.CodeCredential, "no file"},
		"here":    {"", ""},
		"inside":  {"", ""},
	} {
		_, reply := a.request(t, "POST", "/api/destinations", holding(name, guarded.URL()+"/in/"+name, name))
		if !strings.Contains(reply, `"credential":"`+name+`"`) {
			t.Errorf("%s: %s", name, reply)
		}
		eventually(t, name+" is decided", func() bool {
			d := a.destination(t, name)
			return d.State == "up" && want.code == "" || want.code != "" && d.Problem != nil && d.Problem.Code == want.code &&
				strings.Contains(d.Problem.Text, want.word) && d.Problem.Advice != ""
		})
	}
	put(t, filepath.Join(dir, "missing"), "canary-1") // nobody has to command it
	eventually(t, "the file is taken", func() bool { return a.destination(t, "missing").State == "up" })
}

func TestCredentialsThatNoRuleMayName(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	dir := credentials(t, map[string]string{"vw.owner-token": "canary", "relay1": "canary"})
	start(t, relay, agent.Config{CredentialsDir: dir})
	without := start(t, nil, agent.Config{})
	c := orchestrate(t, relay, "agent1")
	for _, name := range []string{"../x", "..", ".", "/etc/passwd", "a/b", `a\b`, ".hidden", "vw.owner-token", "vw.api-token", strings.Repeat("a", 129), "a b", "C:x"} {
		if got := c.ask(`{"verb":"add","what":"destination","rule":` + holding("0", relay.URL()+"/in/v", name) + `}`); !strings.Contains(got, `"error":"credential`) {
			t.Errorf("%q: %s", name, got)
		}
	}
	if got := c.ask(`{"verb":"add","what":"destination","rule":{"id":"0","stream":"v","destination":"wss://r.example/in/v","credential":"relay1","token":"x"}}`); !strings.Contains(got, "leave one out") {
		t.Errorf("a token besides: %s", got)
	}
	if _, got := without.request(t, "POST", "/api/destinations", holding("0", relay.URL()+"/in/v", "relay1")); !strings.Contains(got, "VW_CREDENTIALS_DIR") {
		t.Errorf("without a folder: %s", got)
	}
	c.want(`{"verb":"list","what":"destination","which":"0"}`, `{"error":"there is no destination \"0\": \"which\":\"all\" lists those there are"}`)
	if got := c.ask(`{"verb":"add","what":"destination","rule":` + holding("0", "ws://relay.example/in/v", "relay1") + `}`); !strings.Contains(got, "use wss://") {
		t.Errorf("over plaintext: %s", got)
	}
}

func TestTokenFileOfTheChannelIsReadAnewAtEachDial(t *testing.T) {
	t.Parallel()
	guarded := listen(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: "canary-1"})
	file := filepath.Join(t.TempDir(), "token")
	state := filepath.Join(t.TempDir(), "state")
	config := agent.Config{API: guarded.URL() + "/bi/agent1", APITokenFile: file, State: state}
	a := start(t, nil, config)
	a.log.await(t, "link down", "the token's file is not there")
	if w := a.status(t).Problems; len(w) != 1 || w[0].Of != "channel" || w[0].Code != link.CodeCredentialMissing || w[0].Advice == "" {
		t.Errorf("the problems are %+v", w)
	}
	put(t, file, "canary-1\n")
	a.log.await(t, "link up")
	if _, got := a.request(t, "GET", "/api/destinations/apiRule", ""); !sameJSON(got, `{"id":"apiRule","stream":"api","destination":"`+config.API+`","tokenSet":true}`) {
		t.Errorf("the rule is shown as %s", got)
	}
	put(t, file, "canary-2\n")
	guarded.SetToken("canary-2")
	guarded.Drop("/")
	awaitVisits(t, guarded, "/bi/agent1", func(v []testrelay.Visit) bool { return len(v) > 1 && v[len(v)-1].Up })
	// another path of the same relay keeps the file, as it would a token
	if _, got := a.request(t, "POST", "/api/destinations", `{"id":"apiRule","stream":"api","destination":"`+guarded.URL()+`/bi/agent2"}`); !strings.Contains(got, `"tokenSet":true`) {
		t.Errorf("moved: %s", got)
	}
	awaitVisits(t, guarded, "/bi/agent2", func(v []testrelay.Visit) bool { return v[len(v)-1].Up })
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	secretive(t, "the state", string(text))
}

// A token's last tenth is when it is to be renewed: then its file is looked at.
func TestStatusAndMetricsTellThatATokenEndsSoon(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	soon := jwt(map[string]int64{"iat": at(-10 * time.Hour), "exp": at(30 * time.Minute)})
	dir := credentials(t, map[string]string{"soon": soon, "later": jwt(map[string]int64{"iat": at(-time.Hour), "exp": at(time.Hour)})})
	a := start(t, nil, agent.Config{CredentialsDir: dir, API: relay.URL() + "/bi/agent1", APITokenFile: filepath.Join(dir, "soon")})
	a.log.await(t, `"link up"`, `"apiRule"`)
	a.request(t, "POST", "/api/streams", `{"stream":"v","feeds":[]}`) // else it is missing
	for _, name := range []string{"soon", "later"} {
		a.request(t, "POST", "/api/destinations", holding(name, relay.URL()+"/in/"+name, name))
		a.log.await(t, `"link up"`, `"`+name+`"`)
	}
	var wrong []string
	for _, w := range a.status(t).Problems {
		wrong = append(wrong, w.Of+" "+w.Name+" "+string(w.Code))
		if !strings.Contains(w.Text, "its token ends on ") || w.Advice == "" {
			t.Errorf("it is told as %+v", w.Problem)
		}
	}
	if got := strings.Join(wrong, ", "); got != "channel  token_expiring, destination soon token_expiring" {
		t.Errorf("told are %s", got)
	}
	if _, got := a.request(t, "GET", "/metrics", ""); !strings.Contains(got, `vw_destination_token_expiry_timestamp_seconds{id="later"} `) ||
		!strings.Contains(got, "\nvw_control_token_expiry_timestamp_seconds ") {
		t.Errorf("the metrics are %s", got)
	}
}
