package local

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"vw/command/printable"
)

const (
	// eventInterval is how often the page is told of the status.
	eventInterval = time.Second
	// levelInterval is how often it is told how loud it is.
	levelInterval = 200 * time.Millisecond
)

// events answers with the status at once and then every second, as server-sent
// events. With levels in its query it tells between those how loud feeds are.
func (h *handlers) events(w http.ResponseWriter, r *http.Request, _ string) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	tick := time.NewTicker(eventInterval)
	defer tick.Stop()
	send := func(kind string, value any) error {
		data, err := json.Marshal(value)
		if err != nil {
			h.Log.Error("an event cannot be encoded", "err", err)
			return err
		}
		extendWrite(w)
		if _, err := fmt.Fprintf(w, "%sdata: %s\n\n", kind, printable.JSON(data)); err != nil {
			return err
		}
		return control.Flush()
	}
	var heard <-chan time.Time
	ears := ears{router: h.Router, of: map[string]*ear{}}
	defer ears.close()
	if r.URL.Query().Has("levels") {
		often := time.NewTicker(levelInterval)
		defer often.Stop()
		heard = often.C
	}
	for err := send("", h.Reporter.Status()); err == nil; {
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			err = send("", h.Reporter.Status())
		case <-heard:
			err = send("event: levels\n", ears.levels(r.Context()))
		}
	}
}
