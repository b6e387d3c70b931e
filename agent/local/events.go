package local

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"vw/command/printable"
)

// eventInterval is how often the page is told of the status.
const eventInterval = time.Second

// events answers with the status at once and then every second, as server-sent
// events.
func (h *handlers) events(w http.ResponseWriter, r *http.Request, _ string) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	tick := time.NewTicker(eventInterval)
	defer tick.Stop()
	for {
		data, err := json.Marshal(h.Reporter.Status())
		if err != nil {
			h.Log.Error("status cannot be encoded", "err", err)
			return
		}
		extendWrite(w)
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
