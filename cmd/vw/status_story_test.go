package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vw/agent"
	"vw/agent/client"
	"vw/cmd/vw/cli"
	"vw/cmd/vw/clip"
	"vw/testrelay"
)

// comes waits until vw status says all of the words, with that code.
func comes(t *testing.T, base string, code int, words ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var stdout, stderr bytes.Buffer
		got := run(ctx, []string{"status", "--port", base[strings.LastIndexByte(base, ':')+1:]}, nil, nil, &stdout, &stderr)
		lacks := func(word string) bool { return !strings.Contains(stdout.String(), word) }
		if got == code && !slices.ContainsFunc(words, lacks) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("it does not come to %q and code %d, but to code %d:\n%s%s", words, code, got, stdout.String(), stderr.String())
		case <-tick.C:
		}
	}
}

// request asks an agent, which has to say that all is well.
func request(t *testing.T, a *agent.Agent, method, path, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(method, path, err, resp)
	}
	resp.Body.Close()
}

func TestStatusTellsTheStoryOfADay(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	host := strings.TrimPrefix(r.URL(), "ws://")
	a, end := listener(t, r, "/bi/api", "lab7")
	put := func(method, path, body string) { request(t, a, method, path, body) }
	comes(t, a.URL(), cli.OK, "nothing: there is no destination rule", "come from "+host)
	put(http.MethodPost, "/api/destinations", `{"id":"0","stream":"av","destination":"`+r.URL()+`/in/av","file":"av.ts"}`)
	comes(t, a.URL(), cli.Failed, "! av NOT ON AIR (rule 0): "+host+" is there, but nothing comes in on av", "! nothing has come in on av so far (start ffmpeg: ", "; post to ")
	stop := play(t, a, "av")
	comes(t, a.URL(), cli.OK, "av ON AIR to "+host+" (rule 0), ", "bit/s: mpeg2video, mp2", "av recording to av.ts, ")
	put(http.MethodPut, "/api/mutes/av", "")
	comes(t, a.URL(), cli.OK, "av MUTED by you (rule 0): "+host+" gets nothing", "have MUTED av")
	put(http.MethodDelete, "/api/mutes/av", "")
	put(http.MethodPut, "/api/lock", "")
	comes(t, a.URL(), cli.OK, "av ON AIR to ", "have LOCKED the rules")
	r.Close()
	comes(t, a.URL(), cli.Failed, "! av NOT ON AIR (rule 0): "+host+" down for ", "connection refused (nothing listens there", "! cannot come: "+host+" down")
	if err := r.Reopen(); err != nil {
		t.Fatal(err)
	}
	comes(t, a.URL(), cli.OK, "av ON AIR to "+host)
	r.SetFaults("/in/av", testrelay.Faults{Stall: true})
	comes(t, a.URL(), cli.Failed, "! av NOT ON AIR (rule 0): "+host+": the relay takes nothing")
	r.SetFaults("/in/av", testrelay.Faults{})
	comes(t, a.URL(), cli.OK, "av ON AIR to "+host)
	stop()
	comes(t, a.URL(), cli.Failed, "! nothing comes in on av: ffmpeg is not posting", "the last ")
	end()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"status", "--port", a.URL()[strings.LastIndexByte(a.URL(), ':')+1:]}, nil, nil, &stdout, &stderr); code != exitNoAgent {
		t.Errorf("code %d, %s", code, stdout.String())
	}
}

// play posts the clip to a feed until it is stopped.
func play(t *testing.T, a *agent.Agent, feed string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	body, source := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL()+"/ts/"+feed, body)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { source.CloseWithError(clip.Play(ctx, source)) })
	wg.Go(func() {
		if resp, err := http.DefaultClient.Do(req); err == nil { // else it was stopped
			resp.Body.Close()
		}
		body.Close()
	})
	stop = func() {
		cancel()
		wg.Wait()
	}
	t.Cleanup(stop)
	return stop
}

func TestStatusNamesWhatIsPostedInPlaceOfATransportStream(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	a, _ := listener(t, r, "/bi/api", "lab7")
	c := client.New(client.Config{URL: a.URL(), Own: true})
	if err := c.Post(t.Context(), "cam", strings.NewReader("\x1aE\xdf\xa3 matroska webm")); err == nil || !strings.Contains(err.Error(), "-f mpegts") {
		t.Errorf("the post ended with %v", err)
	}
	comes(t, a.URL(), cli.Failed, "! WebM or Matroska is posted to cam, where MPEG-TS is wanted (ffmpeg is to write -f mpegts)")
}
