//go:build unix

package main_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"vw/agent/status"
	"vw/testrelay"
)

// manuals are the files whose words are held against the program, in the order
// in which they are read.
var manuals = []string{"../../README.md", "../../command/README.md", "../../agent/README.md"}

// relayToken is the token that README.md shows.
const relayToken = "your-token"

// A reader does what the manuals say, block by block, as somebody would who has
// just found them: with bash, curl, ffmpeg and vw itself, in an empty folder. What
// is put in place of something else is this, in what is sent and expected:
//
//   - relay.example, bearer.example, message.example and access.example are test
//     relays that speak TLS and want tokens in these ways;
//   - port 8888 is a free one, and the folder of the systemd unit a new one;
//   - devices are the inputs that README.md itself gives in a table;
//   - go and python are programs, run as they stand;
//   - ffplay, which wants a screen, is ffprobe, which opens what ffplay would;
//   - websocat is a websocket client in this program;
//   - make is asked what it would do.
type reader struct {
	*testing.T
	dir, bin  string
	environ   []string
	replace   *strings.Replacer
	local     string // the agent's URL
	relays    map[string]*testrelay.Server
	tls       *tls.Config
	agent     *process
	feeds     map[string]*process // the ffmpeg of each
	terminals map[string]*websocket.Conn
}

func newReader(t *testing.T, text string) *reader {
	t.Helper()
	port := freePort(t)
	r := &reader{T: t, dir: t.TempDir(), bin: programDir(t), local: "http://127.0.0.1:" + port,
		relays: map[string]*testrelay.Server{}, feeds: map[string]*process{}, terminals: map[string]*websocket.Conn{}}
	pairs := []string{":8888", ":" + port}
	for _, device := range table(t, text, "in place of", "write") {
		pairs = append(pairs, device[0]+" ", device[1]+" ")
	}
	roots := x509.NewCertPool()
	var pem []byte
	for name, auth := range map[string]testrelay.Auth{"relay": testrelay.NoAuth, "bearer": testrelay.BearerAuth,
		"message": testrelay.MessageAuth, "access": testrelay.AccessAuth} {
		s := listenRelay(t, testrelay.Config{TLS: &testrelay.TLS{}, Auth: auth, Token: relayToken})
		r.relays[name] = s
		if err := os.WriteFile(filepath.Join(r.bin, name+".pem"), s.CA(), 0o600); err != nil {
			t.Fatal(err)
		}
		pem = append(pem, s.CA()...)
		pairs = append(pairs, name+".example", strings.TrimPrefix(s.URL(), "wss://"))
	}
	roots.AppendCertsFromPEM(pem)
	r.tls = &tls.Config{RootCAs: roots}
	ca := filepath.Join(r.bin, "ca.pem")
	if err := os.WriteFile(ca, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	player := "#!/bin/sh\nexec ffprobe -v error -analyzeduration 1000000 -of csv=p=0 -show_entries stream=codec_type \"$@\" | grep -q video\n"
	if err := os.WriteFile(filepath.Join(r.bin, "ffplay"), []byte(player), 0o700); err != nil {
		t.Fatal(err)
	}
	r.replace = strings.NewReplacer(pairs...)
	r.environ = []string{"PATH=" + r.bin + ":" + os.Getenv("PATH"), "VW_PORT=" + port, "VW_CA_FILE=" + ca,
		"SSL_CERT_FILE=" + filepath.Join(r.bin, "relay.pem"), "HOME=" + os.Getenv("HOME"), "GOFLAGS=-buildvcs=false"}
	return r
}

// bash starts a command line.
func (r *reader) bash(line string) *process {
	return begin(r.T, r.dir, r.environ, "bash", "-c", r.replace.Replace(line))
}

// shell runs a command line: the agent and ffmpeg go on, all else has to end
// well and print what is expected.
func (r *reader) shell(b block, e exchange) {
	r.Helper()
	words := strings.Fields(e.sent)
	for len(words) > 0 && strings.Contains(words[0], "=") {
		words = words[1:]
	}
	switch {
	case len(words) > 1 && words[0] == "vw" && words[1] == "stream":
		r.agent = r.bash("exec env " + e.sent)
		r.agent.says(r.T, &r.agent.err, `"msg":"link up"`)
		return
	case words[0] == "ffmpeg":
		r.ffmpeg(b, e.sent)
		return
	case len(words) > 1 && words[1] == "send":
		r.hangUp()
	case words[0] == "make":
		e.sent = "make -n -C " + repository(r.T) + strings.TrimPrefix(e.sent, "make")
		e.expected = "…"
	}
	p := r.bash(e.sent)
	code := p.ended(r.T, patience)
	if code != 0 || !matches(r.replace.Replace(e.expected), p.out.String()) && !(e.expected == "" && p.out.String() == "") {
		r.Fatalf("%v: $ %s\nended with code %d and printed\n%s%s\nthe manual shows\n%s", b, e.sent, code, &p.out, &p.err, e.expected)
	}
}

// program runs a program that a manual shows.
func (r *reader) program(b block) {
	r.Helper()
	run, dir := []string{"/usr/bin/python3"}, r.dir // the system's, which has Debian's packages
	if b.kind == "go" {
		run, dir = []string{"go", "run"}, repository(r.T) // whose go.mod has what it imports
	}
	file := filepath.Join(r.dir, fmt.Sprintf("line%d.%s", b.line, b.kind))
	if err := os.WriteFile(file, []byte(r.replace.Replace(strings.Join(b.lines, "\n"))), 0o600); err != nil {
		r.Fatal(err)
	}
	p := begin(r.T, dir, r.environ, run[0], append(run[1:], file)...)
	if code := p.ended(r.T, patience); code != 0 || !strings.Contains(p.out.String(), "lab1") {
		r.Fatalf("%v: ended with code %d and printed\n%s%s", b, code, &p.out, &p.err)
	}
}

func repository(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (r *reader) request(method, path, body string) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, r.local+path, strings.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		r.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}

// aSecond is about how many bytes a second of what README.md records is long.
const aSecond = 125_000

// settle waits until every link is up, and every recording holds a second, as
// somebody who types does without noticing.
func (r *reader) settle() {
	r.Helper()
	if r.agent == nil {
		return
	}
	var s status.Status
	eventually(r.T, "every link is up and every recording under way", func() bool {
		s = status.Status{}
		get(r.T, r.local+"/api/stats", &s)
		for _, d := range s.Destinations {
			if d.State != "up" && d.State != "none" || d.Recording != nil && d.Recording.Bytes < aSecond {
				return false
			}
		}
		return s.Channel == nil || s.Channel.State == "up"
	})
}
