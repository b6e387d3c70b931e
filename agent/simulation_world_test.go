package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

const (
	simHome = "localhost:8888" // the agent's own machine
	// simTrial is how long a new endpoint of the command channel has to prove itself.
	simTrial = time.Minute
	// healing is how long all may take to be up again when every fault is over: what
	// hangs is found dead in 45 s, and dialled again after 30 s at most.
	healing = 2 * time.Minute
	// patientFor is how long a reply may take.
	patientFor = 40 * time.Second
)

// A world is an agent, its relays, sources and whoever commands it, in a bubble.
type world struct {
	t       *testing.T
	seed    uint64
	random  *rand.Rand
	began   time.Time
	network *network
	customs *customs
	relays  map[string]*testrelay.Relay // by address
	cameras []*poster
	folder  string // in which each life of the agent has one
	lives   int
	life    *life
	log     *logbook

	model    ruling
	lost     *ruling           // what a command makes of it that was under way when the agent was killed
	channel  string            // the address of the relay where the agent takes commands
	moves                      // of that
	former   map[string]former // by URL: what the rule before sends on, until the new link is up
	troubled map[string]bool   // relays with a fault
	calmAt   time.Time         // when the last fault was over
	tokens   bool              // relays have said since all was well that they want a token
	refs     int
	story    []string
	count    map[string]int
}

// A former place may still be sent to for a while.
type former struct {
	id    string
	place place
	until time.Time
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 0)), began: time.Now(), network: newNetwork(seed, append(slices.Clone(simSites), simHome)...),
		customs: newCustoms(), relays: map[string]*testrelay.Relay{}, folder: memoryDir(t), log: &logbook{},
		model: newModel(), channel: simRelays[0], moves: moves{rule: simRelays[0]}, former: map[string]former{}, troubled: map[string]bool{}, count: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, len(simSites))
	for _, address := range simSites {
		c := testrelay.Config{Visits: -1}
		if address == simDoor {
			c.Auth, c.Token = testrelay.AnyAuth, simToken
		}
		relay, err := testrelay.New(c)
		if err != nil {
			t.Fatal(err)
		}
		w.relays[address] = relay
		site := w.network.at(address)
		site.set(weather{delay: 5 * time.Millisecond})
		go func() { served <- relay.Serve(ctx, site) }()
	}
	t.Cleanup(func() {
		cancel()
		for range simSites {
			if err := <-served; err != nil {
				t.Errorf("relay: %v", err)
			}
		}
	})
	for i := range simFeeds {
		w.cameras = append(w.cameras, &poster{feed: i, dial: func(ctx context.Context) (net.Conn, error) {
			return w.network.join(ctx, simHome)
		}})
	}
	w.start(nil)
	return w
}

// memoryDir is a folder in memory, where there is such a thing: no time passes in the
// world while a disk is waited for.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "vw-simulation-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// end ends the world.
func (w *world) end() {
	for _, c := range w.cameras {
		c.end()
	}
	w.life.halt()
	time.Sleep(time.Minute)
}

func (w *world) tell(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf("%v  %s", time.Since(w.began).Round(time.Millisecond), fmt.Sprintf(format, args...)))
	w.story = w.story[max(0, len(w.story)-60):]
}

func (w *world) fault(format string, args ...any) {
	w.customs.mu.Lock()
	defer w.customs.mu.Unlock()
	w.customs.fault(format, args...)
}

// permit puts in force what may leave now. Coming is what may besides, since a
// command is under way that makes it so.
func (w *world) permit(coming ...ruling) {
	w.customs.mu.Lock()
	defer w.customs.mu.Unlock()
	w.permitLocked(coming...)
}

func (w *world) permitLocked(coming ...ruling) {
	all := map[string]permit{}
	for i, m := range append([]ruling{w.model}, coming...) {
		p := m.permits()
		for url, f := range w.former {
			if time.Now().After(f.until) {
				continue
			}
			p = either(p, map[string]permit{url: m.permit(f.place)})
		}
		if i == 0 {
			all = p
		} else {
			all = either(all, p)
		}
	}
	w.customs.allowLocked(all)
}

// become takes what a command has made of the rules.
func (w *world) become(next ruling) {
	remade := func(stream string) bool { return !slices.Equal(w.model.streams[stream], next.streams[stream]) }
	maps.DeleteFunc(w.former, func(_ string, f former) bool { return remade(f.place.stream) })
	for id, p := range w.model.destinations {
		q, is := next.destinations[id]
		switch {
		case !is || q.stream != p.stream || q.ofStream != p.ofStream || remade(p.stream):
			maps.DeleteFunc(w.former, func(_ string, f former) bool { return f.id == id })
		case q.url != p.url:
			w.former[p.url] = former{id, p, time.Now().Add(13 * time.Second)}
		}
	}
	maps.DeleteFunc(w.former, func(_ string, f former) bool { return time.Now().After(f.until) })
	w.model = next
	w.permitLocked()
}

// sleep lets time pass, in which a table on trial may be taken back.
func (w *world) sleep(d time.Duration) {
	const late = 5 * time.Second
	end := time.Now().Add(d)
	if w.model.before != nil && !end.Before(w.model.until.Add(-late)) {
		time.Sleep(time.Until(w.model.until.Add(-late)))
		w.permit(w.model.takenBack())
		time.Sleep(time.Until(w.model.until.Add(late)))
		w.tell("the time of the table on trial is up")
		w.count["trials"]++
		if w.model.locked {
			w.count["trials that ended in a lock"]++
		}
		w.customs.mu.Lock()
		w.become(w.model.takenBack())
		w.customs.mu.Unlock()
	}
	for url, f := range w.former {
		if f.until.Before(end) && f.until.After(time.Now()) {
			time.Sleep(time.Until(f.until))
			w.permit()
		}
		if time.Now().After(f.until) {
			delete(w.former, url)
		}
	}
	time.Sleep(time.Until(end))
}

// calm reports whether a relay has been without faults for long enough for all to be
// up there.
func (w *world) calm() bool { return len(w.troubled) == 0 && time.Since(w.calmAt) >= healing }

// tried lets the time of a table on trial be up, if it would be while a reply is waited
// for.
func (w *world) tried() bool {
	if w.model.before == nil || time.Until(w.model.until) >= patientFor+10*time.Second {
		return false
	}
	w.sleep(time.Until(w.model.until) + 10*time.Second)
	return true
}

// perform gives an order, and holds its reply against what it has to be.
func (w *world) perform(o order) {
	if w.tried() {
		return
	}
	sent := time.Now()
	if !o.local {
		if w.locate(); w.tried() {
			return
		}
	}
	begun := w.model
	w.permit(o.next)
	done := func() { // when the reply leaves
		next := o.next
		if next.before != nil && (begun.before == nil || !next.until.Equal(begun.until)) {
			next.until = next.until.Add(time.Since(sent))
		}
		w.become(next)
	}
	got, ok := "", false
	switch {
	case o.local && o.rest[0] != "" && (o.text == nil || w.random.IntN(2) == 0):
		w.tell("rest: %v", o.rest)
		got, ok = w.request(o.rest)
	case o.local:
		w.tell("here: %s", jsonOf(o.text))
		got, ok = w.askHere(jsonOf(o.text))
	default:
		w.tell("channel: %s", jsonOf(o.text))
		got, ok = w.ask(w.channel, o.text, done)
	}
	switch {
	case ok && o.local:
		w.customs.mu.Lock()
		done()
		w.customs.mu.Unlock()
	case !ok && w.life.doomed():
		w.lost = &o.next
		return
	case !ok:
		if o.local || w.calm() {
			w.fault("no reply to %s", o)
		}
		w.count["replies lost"]++
		w.resolve(begun, o.next)
		return
	}
	w.count["commands"]++
	if !wanted(got, o.want, w.model) {
		w.fault("%s\n got %.2000s\nwant %.2000s", o, got, o.want)
	}
}

func (o order) String() string {
	if o.text == nil {
		return fmt.Sprint(o.rest)
	}
	return jsonOf(o.text)
}

// wanted compares a reply with what it has to be, under the rules that are in force then.
func wanted(got, want string, in ruling) bool {
	if want == anError {
		var e struct{ Error string }
		return json.Unmarshal([]byte(got), &e) == nil && e.Error != ""
	}
	if strings.HasPrefix(want, "[") {
		var m struct{ Mutes json.RawMessage }
		return json.Unmarshal([]byte(got), &m) == nil && sameJSON(string(m.Mutes), want)
	}
	var g, x map[string]any
	if json.Unmarshal([]byte(got), &g) != nil || json.Unmarshal([]byte(want), &x) != nil {
		return sameJSON(got, want)
	}
	_, onTrial := g["confirm"]
	if _, table := x["hash"]; table && x["dryRun"] == nil && onTrial != (in.before != nil) {
		return false
	}
	delete(g, "confirm") // how long there is still
	return sameReply(jsonOf(g), want)
}

// request asks over REST.
func (w *world) request(r [3]string) (reply string, ok bool) {
	client := http.Client{Timeout: patientFor, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return w.network.join(ctx, simHome) }}}
	req, err := http.NewRequest(r[0], "http://localhost:8888"+r[1], strings.NewReader(r[2]))
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", false
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if r[0] == "DELETE" && strings.HasPrefix(string(text), `"`) { // REST says but the name
		text = fmt.Appendf(nil, `{"deleted":%s}`, strings.TrimSpace(string(text)))
	}
	return string(text), err == nil
}

// link dials a websocket that no fault concerns.
func (w *world) link(address, path string) (*websocket.Conn, error) {
	dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return w.network.join(ctx, address) }}
	ws, _, err := dialer.Dial("ws://"+address+path, http.Header{"Authorization": {"Bearer " + simToken}})
	return ws, err
}

// askHere asks over the owner's command channel.
func (w *world) askHere(command string) (reply string, ok bool) {
	ws, err := w.link(simHome, "/ws/api")
	if err != nil {
		return "", false
	}
	defer ws.Close()
	_ = ws.WriteMessage(websocket.TextMessage, []byte(command))
	_ = ws.SetReadDeadline(time.Now().Add(patientFor))
	_, got, err := ws.ReadMessage()
	return string(got), err == nil
}

// ask asks over the command channel by way of a relay. Done is called when the reply
// leaves the agent.
func (w *world) ask(address string, text map[string]any, done func()) (reply string, ok bool) {
	w.refs++
	w.customs.mu.Lock()
	w.customs.acks[fmt.Sprint("r", w.refs)] = done
	w.customs.mu.Unlock()
	for _, reply := range w.replies(address, text, 1, patientFor) {
		return reply, true
	}
	return "", false
}

// replies are those to a command by way of a relay, so many at most, which come in
// some time.
func (w *world) replies(address string, text map[string]any, most int, patience time.Duration) (all []string) {
	text = maps.Clone(text)
	ref := fmt.Sprint("r", w.refs)
	text["ref"] = ref
	sub := w.relays[address].Subscribe("agent")
	defer sub.Close()
	ws, err := w.link(address, "/in/agent")
	if err != nil {
		w.t.Fatal(err)
	}
	defer ws.Close()
	_ = ws.WriteMessage(websocket.TextMessage, []byte(jsonOf(text)))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for len(all) < most {
		m, err := sub.Next(ctx)
		if err != nil {
			break
		}
		var r struct {
			Ref, From string
			Reply     json.RawMessage
		}
		if json.Unmarshal(m.Data, &r) == nil && r.From == "agent" && r.Ref == ref {
			all = append(all, string(r.Reply))
		}
	}
	return all
}

// resolve finds out which of two tables is in force after a command that was not
// answered.
func (w *world) resolve(a, b ruling) {
	w.customs.mu.Lock()
	clear(w.customs.acks) // the reply may leave yet
	w.customs.mu.Unlock()
	w.heal()
	w.permit(b, a.takenBack(), b.takenBack())
	time.Sleep(healing)
	for _, m := range []*ruling{&a, &b} {
		if m.before != nil && time.Until(m.until) < 10*time.Second {
			time.Sleep(time.Until(m.until) + 10*time.Second)
			*m = m.takenBack()
		}
	}
	for _, m := range []ruling{b, a} {
		if got := w.standing(); sameStanding(got, m) {
			w.tell("it was resolved")
			w.customs.mu.Lock()
			w.become(m)
			w.customs.mu.Unlock()
			return
		}
	}
	w.fault("after a command without reply the rules are neither of two\n got %s\nwant %s\n  or %s", w.standing(), jsonOf(a.listed()), jsonOf(b.listed()))
}

// standing is how the agent says itself that it stands: its rules, its owner's mutes, and
// whether they are locked.
func (w *world) standing() (all [3]string) {
	for i, path := range []string{"", "/api/mutes/all", "/api/lock"} {
		ok := false
		if path == "" {
			all[i], ok = w.askHere(`{"verb":"list","what":"rules"}`)
		} else {
			all[i], ok = w.request([3]string{"GET", path, ""})
		}
		if !ok {
			w.fault("the agent does not answer on its machine")
		}
	}
	return all
}

func sameStanding(got [3]string, m ruling) bool {
	return wanted(got[0], jsonOf(map[string]any{"rules": m.listed(), "hash": m.hash()}), m) &&
		sameJSON(got[1], jsonOf(append([]string{}, slices.Sorted(maps.Keys(m.mutes))...))) &&
		sameJSON(got[2], jsonOf(map[string]bool{"locked": m.locked, "kept": true}))
}

// agrees notes where the agent does not stand as the model does.
func (w *world) agrees() {
	if got := w.standing(); !sameStanding(got, w.model) {
		w.fault("it does not stand as it should\n got %s\nwant %s, mutes %v, locked %v", got, jsonOf(w.model.listed()), w.model.mutes, w.model.locked)
	}
}

// check heals all, and holds what arrives against the model.
func (w *world) check() {
	w.tell("check")
	w.heal()
	w.sleep(w.recovery())
	w.tokens = false
	w.customs.judgeAll()
	w.count["checks"]++
	w.perform(order{text: map[string]any{"verb": "list", "what": "rules"}, next: w.model,
		want: jsonOf(map[string]any{"rules": w.model.listed(), "hash": w.model.hash()})})
	w.agrees()
	type arrival struct {
		url  string
		sub  *testrelay.Subscription
		want permit
	}
	var all []arrival
	permits := w.model.permits()
	for _, url := range slices.Sorted(maps.Keys(permits)) {
		address, path, _ := strings.Cut(strings.TrimPrefix(url, "ws://"), "/in/")
		all = append(all, arrival{url, w.relays[address].Subscribe(path), permits[url]})
	}
	w.sleep(5 * time.Second)
	for _, a := range all {
		got := map[track]bool{}
		for _, m := range a.sub.Drain() {
			for at := 0; at+packetSize <= len(m.Data); at += packetSize {
				if p, ok := readMark(m.Data[at : at+packetSize]); ok {
					got[p.track] = true
				}
			}
		}
		a.sub.Close()
		for tr := range got {
			if !a.want.tracks[tr] {
				w.fault("%s of %s arrived at %s, and may not", string(tr.kind), tr.feed, a.url)
			}
		}
		for tr := range a.want.tracks {
			c := w.cameras[slices.Index(kindsNames(), tr.feed)]
			if c.on && time.Since(c.since) > 20*time.Second && !got[tr] {
				w.fault("nothing of %s of %s arrived at %s in 5 s", string(tr.kind), tr.feed, a.url)
			}
			w.count["arrivals"]++
		}
	}
}
