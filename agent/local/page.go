package local

import (
	"bytes"
	"embed"
	"net/http"
	"strings"
	"time"
)

// pageFiles are the page as the browser gets it: there is no build step.
//
//go:embed page
var pageFiles embed.FS

const pageIndex = "page/index.html"

// pagePolicy lets the page use its own files and this agent, and nothing else;
// nobody may frame it, and no text can become HTML or a script in it (Trusted
// Types).
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// page serves the page at / and its other files below /page/.
func (h *handlers) page(w http.ResponseWriter, r *http.Request, _ string) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = pageIndex
	}
	file, err := pageFiles.ReadFile(name)
	if err != nil {
		clearSite(w)
		writeError(w, http.StatusNotFound, "there is no such file of the page")
		return
	}
	header := w.Header()
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	if name == pageIndex && mayHaveToken(r) {
		clearSite(w) // else the page's scripts could come from a service worker
		file = bytes.Replace(file, []byte(`name="token" content=""`), []byte(`name="token" content="`+h.token+`"`), 1)
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(file))
}
