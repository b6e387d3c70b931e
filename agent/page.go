package agent

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
func (l *local) page(w http.ResponseWriter, r *http.Request) {
	if !only(w, r, http.MethodGet) {
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = pageIndex
	}
	file, err := pageFiles.ReadFile(name)
	if err != nil {
		clearSite(w)
		fail(w, http.StatusNotFound, "there is no such file of the page")
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if name == pageIndex && mayHaveToken(r) {
		clearSite(w) // else the page's scripts could come from a service worker
		file = bytes.Replace(file, []byte(`name="token" content=""`), []byte(`name="token" content="`+l.token+`"`), 1)
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(file))
}
