package agent_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vw/agent"
	"vw/testrelay"
)

// An agent in every kind of trouble, among them what strangers write.
func TestBrowserShowsTroubleInEverySizeAndNoHTMLOfStrangers(t *testing.T) {
	const (
		name  = `bench <b id=x onclick="owned=1">7</b>`
		words = `<img src=x onerror="owned=1">`
		file  = `lab/<img src=x onerror=owned=2>.ts`
		path  = `/in/<iframe/src=javascript:owned=3>`
	)
	relay := listen(t, testrelay.Config{})
	a := start(t, nil, agent.Config{Name: name, API: relay.URL() + "/bi/manager", Muted: []string{"cabinet"}})
	source(t, a.URL()+"/ts/bench/camera", a.URL()+"/ts/bench/microphone")
	ffmpegPosts(t, "-re -f lavfi -i testsrc2=size=160x120:rate=10 -c:v mpeg2video -g 10 -f mpegts "+a.URL()+"/ts/modern")
	relay.SetFaults("/in/full", testrelay.Faults{Refuse: http.StatusServiceUnavailable})
	for _, rule := range []map[string]any{
		{"stream": "front", "feeds": []string{"bench/camera", "bench/microphone", "cabinet"}},
		{"stream": "constructor", "feeds": []string{"cabinet"}},
		{"stream": "__proto__", "feeds": []string{}},
	} {
		if resp, text := a.request(t, "POST", "/api/streams", jsonOf(rule)); resp.StatusCode != http.StatusOK {
			t.Fatal(text)
		}
	}
	for _, rule := range []map[string]string{
		{"id": "0", "stream": "front", "destination": relay.URL() + "/in/front"},
		{"id": "secret", "stream": "front", "destination": relay.URL() + "/in/full", "token": "sesame", "file": file},
		{"id": "hung-up", "stream": "front", "destination": hangUp(t, words) + path},
		{"id": "unknown", "stream": "constructor", "destination": "ws://127.0.0.1:1/" + strings.Repeat("long/", 30)},
		{"id": "quiet", "stream": "__proto__", "destination": relay.URL() + "/in/quiet"},
	} {
		if resp, text := a.request(t, "POST", "/api/destinations", jsonOf(rule)); resp.StatusCode != http.StatusOK {
			t.Fatal(text)
		}
	}
	for _, feed := range []string{"bench/camera", "bench/microphone", "modern"} {
		eventually(t, feed+" is there", func() bool { return feedBytes(t, a, feed) > 0 })
	}
	browse(t, "looks.mjs", map[string]any{"url": a.URL(), "artefacts": artefacts(t), "hostile": []string{name, words, file, path},
		"lamps": "Muted,Muted,Not on air,Not on air,Not on air,Not sent,On air,On air,On air,On air,Silent,Silent"}, nil)
}

// The picture at the other end goes on, whatever is changed at this one.
func TestBrowserViewerSeesThePictureGoOnThroughSwapsAndMutes(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.combine("front", "camera", "microphone")
	channel.route("0", "front", relay.URL()+"/in/front")
	source(t, a.URL()+"/ts/camera", a.URL()+"/ts/microphone")
	viewer := httptest.NewServer(http.FileServer(http.Dir("testdata/browser")))
	defer viewer.Close()
	links := 1
	browse(t, "viewer.mjs", map[string]any{"viewer": viewer.URL, "from": relay.URL() + "/out/front"}, map[string]func(string) any{
		"swap": func(n string) any {
			channel.route("0", "front", relay.URL()+"/in/front?n="+n)
			links++
			_, err := relay.Await(patient(t), "/in/front", func(v []testrelay.Visit) bool {
				return len(v) == links && v[links-1].Messages > 0 && testrelay.Up(v) == 1
			})
			if err != nil {
				t.Errorf("swap %s: the new link did not take over", n)
			}
			return true
		},
		"mute":   func(string) any { channel.combine("front", "camera"); return true },
		"unmute": func(string) any { channel.combine("front", "camera", "microphone"); return true },
	})
	if visits := relay.Visits("/in/front"); len(visits) != 11 {
		t.Errorf("the relay was linked to %d times, want 11", len(visits))
	}
}

func TestBrowserTellsTheOwnersWordAndWantsTheToken(t *testing.T) {
	const token = "sixteen letters and more"
	file := filepath.Join(t.TempDir(), "mute")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{MuteFile: file, OwnerTokenFile: writeFile(t, "token", []byte(token))})
	moveTo(t, orchestrate(t, relay, "agent1"), relay, "b", "")
	a.request(t, "PUT", "/api/mutes/mic", `{"every":"00:00-24:00"}`)
	later := strings.ToLower(time.Now().AddDate(0, 0, 3).Format("Mon")) + " 08:00-18:00"
	a.request(t, "PUT", "/api/mutes/door", jsonOf(map[string]any{"every": later}))
	browse(t, "owner.mjs", map[string]any{"url": a.URL(), "token": token, "later": later, "api": relay.URL() + "/bi/agent1", "artefacts": artefacts(t)}, map[string]func(string) any{
		"status": func(string) any { return a.status(t) },
		"away":   func(string) any { return os.Remove(file) == nil },
	})
}
