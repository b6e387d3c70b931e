package attack_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vw/agent"
	"vw/testrelay"
)

// An attacker draws commands from everything that there is to name.
type attacker struct {
	*rand.Rand
	hosts  []string // this agent's own, host:port
	relays []string // ws://…, with and without bad manners
	access string   // http://…, which names a random place
}

var words = []string{"secret", "cam", "ring", "s0", "s1", "s2", "of-owner"}

func (a *attacker) one(of []string) string { return of[a.IntN(len(of))] }

// place is a URL: the agent itself, a relay's topic, or a relay for access.
func (a *attacker) place() string {
	paths := []string{"/ws/secret", "/ws/api", "/ws/ring", "/ws/cam", "/ws/s0", "/api/lock", "/api/mutes/secret", "/ts/secret"}
	switch a.IntN(8) {
	case 0, 1, 2:
		return "ws://" + a.one(a.hosts) + a.one(paths)
	case 3:
		return "http://" + a.one(a.hosts) + a.one(paths)
	case 4:
		return a.access + "/x"
	case 5:
		return "http" + strings.TrimPrefix(a.one(a.relays), "ws") + "/bi/" + a.one(words)
	default:
		return a.one(a.relays) + a.one([]string{"/in/", "/bi/"}) + a.one(words)
	}
}

func (a *attacker) streamRule() string {
	feeds := []string{}
	for range 1 + a.IntN(3) {
		feeds = append(feeds, a.one(words)+a.one([]string{"", "", ":video", ":audio"}))
	}
	return jsonOf(map[string]any{"stream": a.one(words), "feeds": feeds})
}

func (a *attacker) command() string {
	ids := []string{"0", "1", "2", "3", "owner", "apiRule"}
	what := a.one([]string{"stream", "destination"})
	orders := []string{ // for whoever takes a first message to be a command
		`{"verb":"add","what":"stream","rule":` + a.streamRule() + `}`, `{"verb":"delete","what":"stream","which":"all"}`,
		`{"verb":"delete","what":"destination","which":"all"}`, `{"verb":"delete","what":"destination","which":"apiRule"}`,
	}
	switch a.IntN(10) {
	case 0, 1:
		return `{"verb":"add","what":"stream","rule":` + a.streamRule() + `}`
	case 2:
		return fmt.Sprintf(`{"verb":"delete","what":%q,"which":%q}`, what, a.one(append(ids, append(words, "all")...)))
	case 3:
		return a.one([]string{
			`{"verb":"delete","what":"mute","which":"*"}`, `{"verb":"unlock"}`, `{"verb":"delete","what":"lock","which":"all"}`,
			`{"verb":"add","what":"mute","rule":{"feed":"x"}}`, `{"verb":"delete","what":"feed","which":"all"}`,
			`{"verb":"list","what":"status"}`, `{"verb":"list","what":"destination","which":"all"}`,
		})
	case 4:
		return `{"verb":"add","what":"destination","rule":` + jsonOf(rule{ID: "apiRule", Stream: "api",
			Destination: "ws://" + a.one(a.hosts) + "/ws/api", Auth: "message", Token: a.one(orders)}) + `}`
	}
	r := rule{ID: a.one(ids), Stream: a.one(words), Destination: a.place(), Auth: a.one([]string{"", "", "message", "bearer", "access"})}
	if r.ID == "apiRule" {
		r.Stream = "api"
	}
	switch a.IntN(4) {
	case 0:
		r.Token = "x"
	case 1:
		r.Token = a.one(orders)
	case 2:
		r.File = a.one(words) + ".ts"
	}
	return `{"verb":"add","what":"destination","rule":` + jsonOf(r) + `}`
}

// Whatever is commanded from afar, in whatever order, before the owner locks the
// rules and after: the lock, the mutes and the rules stay as the owner left
// them, nothing muted leaves, and no token goes where its giver did not send it.
func TestNoSequenceOfCommandsUndoesTheOwnersWord(t *testing.T) {
	seeds := make(chan uint64)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for seed := range seeds {
				sequence(t, seed)
			}
		})
	}
	for seed := range uint64(count(50, 1000)) {
		if t.Failed() {
			break
		}
		seeds <- seed
	}
	close(seeds)
	workers.Wait()
}

func sequence(t *testing.T, seed uint64) {
	dir := filepath.Join(t.TempDir(), "recordings")
	v := start(t, agent.Config{Muted: []string{"secret"}, AllowPlaintext: true, RecordDir: dir, APIToken: canary("api")})
	evil := listen(t, testrelay.Config{Keep: true})
	a := &attacker{Rand: rand.New(rand.NewPCG(seed, 1)), relays: []string{v.relay.URL(), evil.URL()}}
	for _, host := range spellings() {
		a.hosts = append(a.hosts, host+":"+v.port())
	}
	evil.SetFaults("/bi/ring", testrelay.Faults{Redirect: "ws://127.0.0.1:" + v.port() + "/ws/api"})
	places := make([]string, 64)
	for i := range places {
		places[i] = strings.Replace(a.place(), "http", "ws", 1)
	}
	var mu sync.Mutex
	next := 0
	access := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		next++
		fmt.Fprintf(w, `{"uri":%q}`, places[next%len(places)])
	}))
	defer access.Close()
	a.access = access.URL
	token := canary("owner")
	v.owner(http.MethodPost, "/api/streams", `{"stream":"of-owner","feeds":["cam"]}`)
	v.owner(http.MethodPost, "/api/destinations", jsonOf(rule{ID: "owner", Stream: "of-owner", Destination: v.relay.URL() + "/in/owner", Token: token}))
	secret, cam := v.post("secret"), v.post("cam")
	said := ""
	attack := func() {
		for range 20 {
			command := a.command()
			said += command + "\n"
			v.ask(command)
			_, _ = secret.Write(packets(0x1ab, 0, 7))
			_, _ = cam.Write(packets(0x1cd, 0, 7))
		}
	}
	attack()
	v.owner(http.MethodPut, "/api/lock", "")
	before := v.rules()
	attack()
	var s status
	locked := time.Now()
	eventually(t, "what was begun has had time to come back", func() bool {
		_, _ = secret.Write(packets(0x1ab, 0, 7))
		s = v.status()
		return time.Since(locked) > 700*time.Millisecond
	})
	if after := v.rules(); after != before || !s.Locked || len(s.Mutes) != 1 || s.Mutes[0] != "secret" {
		t.Errorf("seed %d: the owner left the rules %s\nand they are %s\nlocked: %v, muted: %v", seed, before, after, s.Locked, s.Mutes)
	}
	v.end()
	allowed := []string{"Bearer " + canary("api"), "Bearer " + token} // by their own relay, whatever the path
	paths := []string{"/bi/victim", "/in/owner"}
	for _, w := range words {
		paths = append(paths, "/in/"+w, "/bi/"+w)
	}
	for _, found := range append(leaks(v.relay, allowed, paths...), leaks(evil, nil, paths...)...) {
		t.Errorf("seed %d: a token was shown: %s", seed, found)
	}
	muted := bytes.Repeat([]byte{0xab}, 100)
	for _, relay := range []*testrelay.Server{v.relay, evil} {
		for _, w := range words {
			for _, m := range relay.Subscribe(w).Drain() {
				if bytes.Contains(m.Data, muted) {
					t.Errorf("seed %d: what is muted left on %s", seed, m.Path)
				}
			}
		}
	}
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error {
		if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, muted) {
			t.Errorf("seed %d: what is muted was recorded in %s", seed, path)
		}
		return nil
	})
	if t.Failed() {
		t.Logf("seed %d:\n%s", seed, said)
	}
}
