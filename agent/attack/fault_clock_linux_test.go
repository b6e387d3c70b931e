package attack_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vw/testrelay"
)

// away is added to the standard library of the program that clocked builds: its clock
// is so many days away from the machine's as a byte of a file says, which it looks at
// whenever it asks for the time. Clocks that only run are left alone, as by whoever
// sets a machine's clock.
const away = `package time

import "syscall"

var away = func() []byte {
	path, _ := syscall.Getenv("CLOCK_AWAY")
	fd, err := syscall.Open(path, syscall.O_RDONLY, 0)
	if err != nil {
		panic(err)
	}
	b, err := syscall.Mmap(fd, 0, 1, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	return b
}()

func secondsAway() int64 { return int64(int8(away[0])) * 24 * 60 * 60 }
`

// clocked builds the real program with a clock that can be set, once.
var clocked = sync.OnceValues(func() (string, error) {
	const asks = "sec, nsec, mono := runtimeNow()\n\tif mono == 0 {"
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	source, err := os.ReadFile(filepath.Join(folder, "time.go"))
	if err != nil {
		return "", err
	}
	if strings.Count(string(source), asks) != 1 {
		return "", fmt.Errorf("this Go's time.Now is another than this test knows: look for %q", asks)
	}
	set := strings.Replace(string(source), asks, strings.Replace(asks, "\n", "\n\tsec += secondsAway()\n", 1), 1)
	files := map[string]string{}
	for name, text := range map[string]string{"time.go": set, "away.go": away} {
		files[filepath.Join(folder, name)] = filepath.Join(temp, name+".overlay")
		if err := os.WriteFile(files[filepath.Join(folder, name)], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	overlay, path := filepath.Join(temp, "overlay.json"), filepath.Join(temp, "vw-clocked")
	if err := os.WriteFile(overlay, []byte(jsonOf(map[string]any{"Replace": files})), 0o600); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-trimpath", "-overlay", overlay, "-o", path, "vw/cmd/vw")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // less to build
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// A calendar is what day a program takes it for.
type calendar struct {
	t    testing.TB
	file string
}

func (c calendar) set(days int8) {
	c.t.Helper()
	f, err := os.OpenFile(c.file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{byte(days)}, 0); err != nil {
		c.t.Fatal(err)
	}
}

// endsAt is a JSON web token (RFC 7519) that ends then, and was issued a day before.
func endsAt(end time.Time) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte("{}")) + "." + part(fmt.Appendf(nil, `{"iat":%d,"exp":%d}`, end.Add(-24*time.Hour).Unix(), end.Unix())) + ".x"
}

// A machine's clock that is a day ahead or behind, and set while the agent runs: what
// the owner has by the clock follows it, and nothing else notices.
func TestAgentWhoseClockIsSetByADayForwardsAsBefore(t *testing.T) {
	t.Parallel()
	now := time.Now()
	if soon := now.Add(5 * time.Minute); soon.Weekday() != now.Weekday() {
		t.Skip("midnight is too near for days to be told apart")
	}
	path, err := clocked()
	if err != nil {
		t.Fatal(err)
	}
	clock := calendar{t, filepath.Join(t.TempDir(), "day")}
	clock.set(0)
	state := filepath.Join(t.TempDir(), "state")
	environ := []string{"CLOCK_AWAY=" + clock.file, "VW_STATE=" + state, "VW_RECORD_DIR=" + t.TempDir(), "VW_API_TRIAL=2s"}
	relay := listen(t, testrelay.Config{})
	v, _, _ := launchAs(t, path, relay.URL(), environ...)
	v.relay = relay
	v.listens()
	v.join()
	today := strings.ToLower(now.Weekday().String()[:3])
	for feed, when := range map[string]string{
		"until": `{"until":"` + now.Add(2*time.Hour).Format("15:04") + `"}`, "for": `{"for":"1h"}`, "every": `{"every":"` + today + ` 00:00-24:00"}`,
	} {
		v.owner(http.MethodPut, "/api/mutes/"+feed, when)
	}
	muted := func(when string, want ...string) {
		t.Helper()
		eventually(t, fmt.Sprint("muted ", when, " are ", want), func() bool { return slices.Equal(v.status().Mutes, want) })
	}
	muted("today", "every", "for", "until")
	kept := func() string { text, _ := os.ReadFile(state); return string(text) }
	before := kept()
	clock.set(-1)
	muted("yesterday", "for", "until")
	eventually(t, "the state is by the new clock", func() bool { return kept() != before })
	clock.set(0)
	muted("today", "every", "for", "until")
	v.combine("made", "cam")
	v.add(rule{ID: "0", Stream: "cam", Destination: relay.URL() + "/in/cam", Token: endsAt(now.Add(12 * time.Hour)), File: "cam.ts"})
	v.add(rule{ID: "1", Stream: "made", Destination: relay.URL() + "/in/made"})
	v.settled("0")
	v.settled("1")
	v.film("cam")
	arrives(t, relay.Relay, "cam")
	arrives(t, relay.Relay, "made")
	silence, made := v.longestSilence("cam"), relay.Subscribe("made")
	told := func() bool { return strings.Contains(v.ask(`{"verb":"list","what":"status"}`), `"token_expired"`) }

	clock.set(1)
	muted("tomorrow", "for")
	if !told() {
		t.Error("nothing tells that the token has expired")
	}
	clock.set(-1)
	muted("yesterday", "for")
	if told() {
		t.Error("the token is said to have expired")
	}
	evil := listen(t, testrelay.Config{})
	v.add(rule{ID: "apiRule", Stream: "api", Destination: evil.URL() + "/bi/new"})
	if err := evil.AwaitClient(patient(t), "/bi/new"); err != nil {
		t.Fatal("the trial is not begun")
	}
	clock.set(-2)
	began := time.Now()
	if _, err := evil.Await(patient(t), "/bi/new", func(all []testrelay.Visit) bool { return testrelay.Up(all) == 0 }); err != nil {
		t.Fatal("the trial does not end")
	}
	within(t, "the rest of a trial", time.Since(began), 3*time.Second)
	clock.set(0)
	muted("today again", "every", "for")
	for _, id := range []string{"0", "1"} {
		if d := v.status().Destinations[id]; d.State != "up" || d.Dials != 1 || d.LastError != "" || d.Recording != nil && d.Recording.Error != "" {
			t.Errorf("of destination %s is told %+v", id, d)
		}
	}
	if up := v.status().Uptime; up <= 0 || up > time.Since(now).Seconds()+1 {
		t.Errorf("it has been up for %v s", up)
	}
	within(t, "the longest silence", silence(), 500*time.Millisecond)
	var clocks []uint64
	for _, m := range made.Drain() {
		clocks = append(clocks, pcrs(m.Data)...)
	}
	for i := 1; i < len(clocks); i++ {
		if step := int64(clocks[i] - clocks[i-1]); step < 0 || step > 90_000 {
			t.Errorf("the stream's clock steps by %d of 90 kHz", step)
		}
	}
	if len(clocks) < 20 {
		t.Errorf("the stream had only %d clocks", len(clocks))
	}

	before = kept()
	clock.set(1)
	eventually(t, "the state is by the new clock", func() bool { return kept() != before })
	v.end()
	for _, m := range made.Drain() {
		clocks = append(clocks, pcrs(m.Data)...)
	}
	again, _, log := launchAs(t, path, relay.URL(), environ...)
	again.relay = relay
	again.listens()
	again.film("cam")
	var first []uint64
	for ctx := patient(t); len(first) == 0; {
		m, err := made.Next(ctx)
		if err != nil {
			t.Fatal("the stream has no clock after a restart")
		}
		first = pcrs(m.Data)
	}
	if step := int64(first[0] - clocks[len(clocks)-1]); step < 0 || step > 90_000*int64(patience.Seconds()) {
		t.Errorf("over a restart the stream's clock steps by %d of 90 kHz", step)
	}
	if text, err := os.ReadFile(log); err != nil || strings.Contains(string(text), "not taken") {
		t.Errorf("what was kept is not taken: %v\n%s", err, text)
	}
	var s struct {
		Mutes        []string
		Destinations map[string]struct{ Recording struct{ File string } }
	}
	decode(t, again.owner(http.MethodGet, "/api/stats", ""), &s)
	if !slices.Equal(s.Mutes, []string{"for"}) || s.Destinations["0"].Recording.File != "cam-1.ts" {
		t.Errorf("started tomorrow: %+v", s)
	}
}

// film posts pictures of a track to a feed until the test ends, 25 a second.
func (v *victim) film(feed string) {
	v.t.Helper()
	body := v.post(feed)
	tick := time.NewTicker(40 * time.Millisecond)
	v.t.Cleanup(tick.Stop)
	go func() {
		for n := 0; ; n++ {
			b := append(tables(n, track{0x100, 0x02, nil}), pes(0x100, n, 0xe0, uint64(90_000+3600*n), true, 1)...)
			if _, err := body.Write(b); err != nil {
				return // the test has ended
			}
			<-tick.C
		}
	}()
}

// pcrs are the clocks in packets (ISO/IEC 13818-1, 2.4.3.4), in 90 kHz.
func pcrs(b []byte) (all []uint64) {
	for ; len(b) >= packetSize; b = b[packetSize:] {
		if b[3]&0x20 != 0 && b[4] >= 7 && b[5]&0x10 != 0 {
			all = append(all, uint64(b[6])<<25|uint64(b[7])<<17|uint64(b[8])<<9|uint64(b[9])<<1|uint64(b[10])>>7)
		}
	}
	return all
}
