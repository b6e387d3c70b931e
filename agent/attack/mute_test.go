package attack_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"vw/agent"
)

// A mute is in force at once, however many rules name what it mutes.
func TestMuteIsInForceWhateverTheRulesAre(t *testing.T) {
	for name, width := range map[string]int{"streams of many feeds": 256, "many streams": 4} {
		t.Run(name, func(t *testing.T) {
			v := start(t, agent.Config{})
			v.drip("cam")
			feeds := []string{"cam"}
			for len(feeds) < width {
				feeds = append(feeds, fmt.Sprint("f", len(feeds)))
			}
			taken := 0
			for i := range count(300, 1000) {
				if !refused(v.combine(fmt.Sprint("s", i), feeds...)) {
					taken++
				}
				if i%10 == 0 {
					v.add(rule{ID: fmt.Sprint(i), Stream: fmt.Sprint("s", i), Destination: fmt.Sprintf("%s/in/s%d", v.relay.URL(), i)})
				}
			}
			for _, entry := range []string{"*", "cam", "cam:audio"} {
				for _, method := range []string{http.MethodPut, http.MethodDelete} {
					asked := time.Now()
					v.owner(method, "/api/mutes/"+entry, "")
					within(t, fmt.Sprintf("%s %s with %d streams of %d feeds", method, entry, taken, width), time.Since(asked), 500*time.Millisecond)
				}
			}
		})
	}
}
