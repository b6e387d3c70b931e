package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vw/agent/devices"
	"vw/cmd/vw/cli"
)

// cameraRoot is the file system of a machine with one camera.
func cameraRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "dev", "video0"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	return root
}

// listening is the port of a server that answers with handle.
func listening(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL[strings.LastIndex(server.URL, ":")+1:]
}

// devicesJSON runs vw devices --json and wants a report and no error.
func devicesJSON(t *testing.T, environ []string, args ...string) devices.Report {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append([]string{"devices", "--json"}, args...), environ, nil, &stdout, &stderr)
	var report devices.Report
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil || code != 0 || stderr.Len() > 0 {
		t.Fatalf("exit code %d: %v\n%s%s", code, err, stdout.String(), stderr.String())
	}
	return report
}

func TestDevicesTakesFeedNamesThatTheAgentDoesNotUse(t *testing.T) {
	port := listening(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == "/api/feeds/all" {
			_, _ = w.Write([]byte(`{"video0":{"source":true,"ageMs":null},"video1":{"source":false,"ageMs":800},"video2":{"source":false,"ageMs":null}}`))
		}
	})
	for name, report := range map[string]devices.Report{
		"variable": devicesJSON(t, []string{"VW_PORT=" + port}, "--root", cameraRoot(t)),
		"flag":     devicesJSON(t, []string{"VW_PORT=1"}, "--root", cameraRoot(t), "--port", port),
	} {
		camera := report.Cameras[0]
		if !report.Agent.Reached || camera.Feed != "video2" {
			t.Errorf("%s: feed %q, agent %+v; want video2, which waits to be fed", name, camera.Feed, report.Agent)
		}
		if want := "http://127.0.0.1:" + port + "/ts/video2"; !strings.HasSuffix(camera.Line, " "+want) {
			t.Errorf("%s: line %s does not end with %s", name, camera.Line, want)
		}
	}
}

func TestDevicesAssumesFreeFeedNamesWhereNoAgentAnswers(t *testing.T) {
	gone := httptest.NewServer(nil)
	refused := gone.URL[strings.LastIndex(gone.URL, ":")+1:]
	gone.Close()
	for name, test := range map[string]struct{ port, problem string }{
		"refused":  {refused, "refused"},
		"stranger": {listening(t, http.NotFound), "HTTP 404"},
		"refusal":  {listening(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "{}", http.StatusForbidden) }), "HTTP 403"},
		"garbage":  {listening(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }), "no agent"},
		"null":     {listening(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("null")) }), "no agent"},
		"redirect": {listening(t, http.RedirectHandler("/elsewhere", http.StatusFound).ServeHTTP), "HTTP 302"},
	} {
		report := devicesJSON(t, nil, "--root", cameraRoot(t), "--port", test.port)
		if report.Agent.Reached || !strings.Contains(report.Agent.Problem, test.problem) || report.Cameras[0].Feed != "video0" {
			t.Errorf("%s: agent %+v, feed %q; want it not reached for %q, video0", name, report.Agent, report.Cameras[0].Feed, test.problem)
		}
	}
}

func TestDevicesWaitsASecondForASilentAgent(t *testing.T) {
	port := listening(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"video0":`))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	begun := time.Now()
	report := devicesJSON(t, nil, "--root", cameraRoot(t), "--port", port)
	if report.Agent.Reached || report.Agent.Problem != "no answer within 1s" {
		t.Errorf("agent %+v, want no answer within 1s", report.Agent)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestDevicesExitCodesSayWhetherThereIsADevice(t *testing.T) {
	file := filepath.Join(cameraRoot(t), "dev", "video0")
	for name, test := range map[string]struct {
		args, environ  []string
		code           int
		stdout, stderr string // what they hold
	}{
		"a camera":       {[]string{"--root", cameraRoot(t)}, nil, 0, "/ts/video0", ""},
		"nothing":        {[]string{"--root", t.TempDir()}, nil, 1, "ls /dev/video*", ""},
		"nothing, JSON":  {[]string{"--json", "--root", t.TempDir()}, nil, 1, `"cameras": []`, ""},
		"help":           {[]string{"--help"}, nil, 0, "VW_PORT", ""},
		"flag":           {[]string{"--nonsense"}, nil, 2, "", "--nonsense"},
		"word":           {[]string{"video0"}, nil, 2, "", `"video0"`},
		"port":           {[]string{"--port", "65536"}, nil, 2, "", "65536"},
		"variable":       {nil, []string{"VW_PORT=x"}, 2, "", "VW_PORT=x"},
		"empty variable": {[]string{"--root", cameraRoot(t)}, []string{"VW_PORT="}, 0, ":8888/ts/video0", ""},
		"no root":        {[]string{"--root", file}, nil, 2, "", "root"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // no agent is asked
			var stdout, stderr bytes.Buffer
			code := run(ctx, append([]string{"devices"}, test.args...), test.environ, nil, &stdout, &stderr)
			if code != test.code || !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) {
				t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", code, test.code, stdout.String(), stderr.String())
			}
			if (code == cli.Usage) != (strings.Count(stderr.String(), "\n") == 1) {
				t.Errorf("stderr is not one line just where the code is 2: %q", stderr.String())
			}
		})
	}
}
