package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const proxyToken = "0123456789abcdef"

// manualBlock returns what the manual has in a fence of this kind.
func manualBlock(t *testing.T, kind string) string {
	t.Helper()
	_, block, ok := strings.Cut(theManual(t), "```"+kind+"\n")
	block, _, ends := strings.Cut(block, "```")
	if !ok || !ends {
		t.Fatalf("the manual has no %s", kind)
	}
	return block
}

// freePort is one that nobody has now.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// selfSigned is a certificate for localhost and its key.
func selfSigned(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// put replaces each of the old words, which must be there.
func put(t *testing.T, text string, words ...string) string {
	t.Helper()
	for i := 0; i < len(words); i += 2 {
		if !strings.Contains(text, words[i]) {
			t.Fatalf("%q is not in %s", words[i], text)
		}
		text = strings.ReplaceAll(text, words[i], words[i+1])
	}
	return text
}

// TestManualsWebServersPassTheRelayOn runs Debian's nginx and Caddy with what
// the manual has for them, but for ports and certificates.
func TestManualsWebServersPassTheRelayOn(t *testing.T) {
	certPEM, keyPEM := selfSigned(t)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	for name, configure := range map[string]func(dir, port, relay, cert, key string) (config string, command []string){
		"nginx": func(dir, port, relay, cert, key string) (string, []string) {
			server := put(t, manualBlock(t, "nginx"), "listen 443", "listen 127.0.0.1:"+port, "127.0.0.1:8090", relay,
				"/etc/letsencrypt/live/relay.example/fullchain.pem", cert, "/etc/letsencrypt/live/relay.example/privkey.pem", key)
			temporary := ""
			for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
				temporary += fmt.Sprintf("%s_temp_path %s/%s;\n", what, dir, what)
			}
			return fmt.Sprintf("daemon off; pid %s/pid; error_log stderr warn; events {}\nhttp {\n%s%s}\n", dir, temporary, server),
				[]string{"nginx", "-e", "stderr", "-p", dir, "-c", dir + "/config"}
		},
		"caddy": func(dir, port, relay, cert, key string) (string, []string) {
			site := put(t, manualBlock(t, "caddy"), "relay.example {", fmt.Sprintf("https://localhost:%s {\n\tbind 127.0.0.1\n\ttls %s %s", port, cert, key), "127.0.0.1:8090", relay)
			return "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n" + site,
				[]string{"caddy", "run", "--adapter", "caddyfile", "--config", dir + "/config"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, port := t.TempDir(), freePort(t)
			cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
			tokens := filepath.Join(dir, "tokens")
			for path, text := range map[string][]byte{cert: certPEM, key: keyPEM, tokens: []byte(proxyToken + " bi *\n")} {
				if err := os.WriteFile(path, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			relay := strings.TrimSuffix(strings.TrimPrefix(start(t, "--tokens", tokens)[0], "ws://"), "/in/<topic>")
			config, command := configure(dir, port, relay, cert, key)
			serve(t, dir, config, command)
			passes(t, "localhost:"+port, &tls.Config{RootCAs: pool})
		})
	}
}

// serve runs a web server until the test ends.
func serve(t *testing.T, dir, config string, command []string) {
	t.Helper()
	if err := os.WriteFile(dir+"/config", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		t.Fatalf("make test installs it: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		log.Close()
		text, _ := os.ReadFile(dir + "/log")
		if t.Failed() {
			t.Logf("%s", text)
		}
		if strings.Contains(string(text), proxyToken) {
			t.Error("the token is logged")
		}
	})
}

// passes wants of a web server what people and agents want of the relay.
func passes(t *testing.T, host string, trust *tls.Config) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}}
	answer := func(method, path, token string) (int, string) {
		req, _ := http.NewRequestWithContext(t.Context(), method, "https://"+host+path, nil)
		if token != "" {
			req.Header.Set("Authorization", token)
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	status, body := 0, ""
	for late := time.Now().Add(20 * time.Second); status == 0 && time.Now().Before(late); {
		status, body = answer("GET", "/healthz", "")
	}
	if status != 200 {
		t.Fatalf("healthz: %d %s", status, body)
	}
	if status, _ := answer("GET", "/view/lab?token="+proxyToken, ""); status != 200 {
		t.Errorf("the page: %d", status)
	}
	if status, _ := answer("GET", "/view/lab", ""); status != 401 {
		t.Errorf("the page without a token: %d", status)
	}
	dialer := websocket.Dialer{TLSClientConfig: trust, HandshakeTimeout: 10 * time.Second}
	_, body = answer("POST", "/in/lab", proxyToken)
	var way struct{ URI string }
	if err := json.Unmarshal([]byte(body), &way); err != nil || !strings.HasPrefix(way.URI, "wss://"+host+"/in/lab?code=") {
		t.Fatalf("access: %s", body)
	}
	out, _, err := dialer.Dial("wss://"+host+"/out/lab?token="+proxyToken, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	in, _, err := dialer.Dial(way.URI, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	bi, _, err := dialer.Dial("wss://"+host+"/bi/lab", http.Header{"Authorization": {"Bearer " + proxyToken}})
	if err != nil {
		t.Fatal(err)
	}
	defer bi.Close()
	packet := strings.Repeat("x", 100_000)
	if err := in.WriteMessage(websocket.BinaryMessage, []byte(packet)); err != nil {
		t.Fatal(err)
	}
	for name, ws := range map[string]*websocket.Conn{"/out": out, "/bi": bi} {
		ws.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, data, err := ws.ReadMessage(); err != nil || string(data) != packet {
			t.Errorf("%s gave %d bytes, %v", name, len(data), err)
		}
	}
}
