package agent

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"
)

// pageFiles are the page as the browser gets it: there is no build step.
//
//go:embed page
var pageFiles embed.FS

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
		name = "page/index.html"
	}
	if info, err := fs.Stat(pageFiles, name); err != nil || info.IsDir() {
		fail(w, http.StatusNotFound, "there is no such file of the page")
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	http.ServeFileFS(w, r, pageFiles, name)
}
