package local

import (
	"errors"
	"net/http"
	"time"

	"vw/command"
	"vw/command/printable"
)

// writeTimeout bounds each write of a reply.
const writeTimeout = 10 * time.Second

// extendWrite bounds how long the client may take to take its answer. What lives
// on calls it before every write.
func extendWrite(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
}

func writeJSON(w http.ResponseWriter, v any) {
	extendWrite(w)
	w.Header().Set("Content-Type", "application/json")
	_ = printable.NewEncoder(w).Encode(v) // the client may have gone
}

func writeError(w http.ResponseWriter, status int, why string) {
	extendWrite(w)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = printable.NewEncoder(w).Encode(map[string]string{"error": why})
}

// writeResult writes what a command returned.
func writeResult(w http.ResponseWriter, v any, err error) {
	var refused *command.Error
	switch {
	case err == nil:
		writeJSON(w, v)
	case errors.As(err, &refused):
		status, ok := map[command.Kind]int{
			command.Invalid: http.StatusBadRequest, command.NotFound: http.StatusNotFound,
			command.Conflict: http.StatusConflict, command.Canceled: http.StatusServiceUnavailable,
		}[refused.Kind]
		if !ok {
			status = http.StatusInternalServerError
		}
		if refused.Field != "" { // the body is the protocol's
			w.Header().Set("Vw-Field", refused.Field)
		}
		writeError(w, status, refused.Why)
	default:
		writeError(w, http.StatusInternalServerError, "internal error")
	}
}
