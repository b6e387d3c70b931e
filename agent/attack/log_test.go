package attack_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

// Whatever floods the agent for five seconds, it logs less than 1 MB. Each
// flood is of another kind, and of its own paths and names.
func TestNoFloodFillsTheLog(t *testing.T) {
	t.Parallel()
	for name, flood := range map[string]func(v *victim, until time.Time){
		"commands that change the rules": func(v *victim, until time.Time) {
			_ = v.swallow()
			for i := 0; time.Now().Before(until); i++ {
				v.send(fmt.Sprintf(`{"verb":"add","what":"stream","rule":{"stream":"s%d","feeds":["%s"]}}`, i%900, strings.Repeat("f", 100)))
				v.send(fmt.Sprintf(`{"verb":"delete","what":"stream","which":"s%d"}`, i%900))
			}
		},
		"messages that are no commands": func(v *victim, until time.Time) {
			_ = v.swallow()
			for i := 0; time.Now().Before(until); i++ {
				v.send(fmt.Sprintf(`{"reply":%d,"x":"%s"}`, i, strings.Repeat("y", 1000)))
				v.send(fmt.Sprintf(`{"verb":"v%d"}`, i))
			}
		},
		"destinations that are changed": func(v *victim, until time.Time) {
			_ = v.swallow()
			for i := 0; time.Now().Before(until); i++ {
				v.send(`{"verb":"add","what":"destination","rule":` + jsonOf(rule{ID: fmt.Sprint(i % 50), Stream: fmt.Sprint("s", i), Destination: fmt.Sprintf("%s/in/%d", v.relay.URL(), i)}) + `}`)
			}
		},
		"relays that hang up": func(v *victim, until time.Time) {
			v.relay.SetFaults("/bi/flap", testrelay.Faults{CloseUpgraded: websocket.CloseTryAgainLater})
			v.relay.SetFaults("/bi/no", testrelay.Faults{Refuse: 503, RefuseText: strings.Repeat("no ", 1000)})
			_ = v.swallow()
			for i := 0; time.Now().Before(until); i++ {
				way := []string{"flap", "no"}[i%2]
				v.send(`{"verb":"add","what":"destination","rule":` + jsonOf(rule{ID: fmt.Sprint(i % 1000), Stream: fmt.Sprint("s", i), Destination: fmt.Sprintf("%s/bi/%s/%d", v.relay.URL(), way, i)}) + `}`)
			}
		},
		"posts of garbage": func(v *victim, until time.Time) {
			var all sync.WaitGroup
			for k := range 4 {
				all.Go(func() {
					for i := 0; time.Now().Before(until); i++ {
						v.request(http.MethodPost, fmt.Sprintf("/ts/garbage%d-%d", k, i%100), strings.Repeat("garbage ", 1000))
					}
				})
			}
			all.Wait()
		},
		"foreign pages": func(v *victim, until time.Time) {
			for i := 0; time.Now().Before(until); i++ {
				v.request(http.MethodGet, fmt.Sprint("/nothing/", i), "", "Origin", fmt.Sprintf("https://evil%d.example", i))
			}
		},
		"links that come and go": func(v *victim, until time.Time) {
			for i := 0; time.Now().Before(until); i++ {
				ws := v.local(fmt.Sprint("/ws/stream/", i)) // which cannot be fed
				_ = ws.WriteMessage(websocket.TextMessage, []byte("x"))
				ws.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, _, log := launch(t)
			began := time.Now()
			flood(v, began.Add(time.Duration(count(2, 5))*time.Second))
			info, err := os.Stat(log)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d bytes of log in %v", info.Size(), time.Since(began).Round(time.Millisecond))
			if info.Size() > 1e6 {
				t.Errorf("the flood made %d bytes of log", info.Size())
			}
		})
	}
}
