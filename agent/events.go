package agent

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"vw/command/printable"
)

// eventEvery is how often the page is told of the status.
const eventEvery = time.Second

// events is GET /api/events: the status at once and then every second, as
// server-sent events.
func (l *local) events(w http.ResponseWriter, r *http.Request) {
	if !only(w, r, http.MethodGet) {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	tick := time.NewTicker(eventEvery)
	defer tick.Stop()
	for {
		data, err := json.Marshal(l.agent.status())
		if err != nil {
			l.agent.log.Error("status cannot be encoded", "err", err)
			return
		}
		writeSoon(w)
		if _, err := fmt.Fprintf(w, "data: %s\n\n", printable.JSON(data)); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}
