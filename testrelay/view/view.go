// Package view is a page that plays a topic of a relay in a browser. It is
// files: it knows the relay by the address of a websocket alone.
package view

import (
	"crypto/rand"
	"embed"
	"fmt"
	"html"
	"net/http"
	"strings"
)

// Scripts is the path below which the page's scripts are.
const Scripts = "/player/"

//go:embed page.html
var page string

//go:embed player
var scripts embed.FS

// Page answers with the page of a topic.
func Page(w http.ResponseWriter, req *http.Request, topic string) {
	if !readOnly(w, req) {
		return
	}
	nonce := rand.Text()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src 'self'; style-src 'nonce-%s'; "+
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", nonce))
	_, _ = strings.NewReplacer("{{.Topic}}", html.EscapeString(topic), "{{.Nonce}}", nonce).WriteString(w, page)
}

// Script answers with one of the page's scripts.
func Script(w http.ResponseWriter, req *http.Request) {
	if readOnly(w, req) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		http.ServeFileFS(w, req, scripts, req.URL.Path)
	}
}

// readOnly sets what all answers have, and refuses what is no question.
func readOnly(w http.ResponseWriter, req *http.Request) bool {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET")
	http.Error(w, "this is for looking at: use GET", http.StatusMethodNotAllowed)
	return false
}
