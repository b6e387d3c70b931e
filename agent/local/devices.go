package local

import (
	"net/http"
	"slices"

	"vw/agent/devices"
)

// devices lists the cameras and microphones of this machine, with the lines that
// feed them here. It is told on this machine alone. Whether a device may be
// opened is left out: not the agent opens it, which may run in a sandbox.
func (h *handlers) devices(w http.ResponseWriter, _ *http.Request, _ string) {
	found, err := devices.Find(h.Root)
	if err != nil {
		writeError(w, http.StatusInternalServerError, "this machine's devices cannot be listed: "+err.Error())
		return
	}
	a := devices.Agent{Port: portOf(h.Listeners[0]), Reached: true}
	for name, feed := range h.Reporter.Status().Feeds {
		if feed.Fed() {
			a.Taken = append(a.Taken, name)
		}
	}
	slices.Sort(a.Taken)
	found.Assign(a)
	for _, list := range [][]devices.Device{found.Cameras, found.Microphones} {
		for i := range list {
			list[i].Problem = ""
		}
	}
	writeJSON(w, found)
}
