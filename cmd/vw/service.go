package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"vw/agent/client"
	"vw/cmd/vw/cli"
	"vw/cmd/vw/statustext"
)

const (
	// lookEvery is the longest time between two looks of a manager.
	lookEvery = 10 * time.Second
	// maxStatus bounds what a manager is told, in bytes.
	maxStatus = 500
)

// A manager is a service manager that wants to hear how the program is. It is
// told as sd_notify(3) says.
type manager struct {
	tell  func(state string)
	every time.Duration // between two looks
	look  func(context.Context) (statustext.Report, error)
	log   *slog.Logger
}

// tellManager tells the service manager that started the program, if one did,
// until stop is called.
func tellManager(ctx context.Context, call *cli.Call, url string, log *slog.Logger) (stop func()) {
	socket := call.Variable("NOTIFY_SOCKET")
	if socket == "" {
		return func() {}
	}
	agent := client.New(client.Config{URL: url, Own: true})
	m := manager{every: lookEvery, log: log}
	m.tell = func(state string) {
		c, err := new(net.Dialer).DialContext(context.WithoutCancel(ctx), "unixgram", socket) // its end is told too
		if err == nil {
			_, err = c.Write([]byte(state))
			c.Close()
		}
		if err != nil {
			log.Warn("service manager not told", "err", err)
		}
	}
	m.look = func(ctx context.Context) (statustext.Report, error) {
		v, _, err := look(ctx, agent)
		return v.Report(), err
	}
	pid := call.Variable("WATCHDOG_PID")
	if usec, err := strconv.ParseInt(call.Variable("WATCHDOG_USEC"), 10, 64); err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.every = min(m.every, time.Duration(usec)*time.Microsecond/3)
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// run tells what vw status prints. The status takes the locks that every packet,
// command and link takes. So where one of them is stuck there is no status, the
// manager's watchdog hears nothing, and it starts the program again.
func (m *manager) run(ctx context.Context) {
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, m.every)
		r, err := m.look(limited)
		cancel()
		switch {
		case ctx.Err() != nil:
			m.tell("STOPPING=1")
			return
		case err != nil:
			m.log.Error("no status to tell the service manager: its watchdog may end this program", "err", err)
		default:
			m.tell("READY=1\nWATCHDOG=1\nSTATUS=" + oneLineOf(r.Sentence()))
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// oneLineOf is a text in one line that is not too long for a status.
func oneLineOf(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxStatus {
		text = strings.ToValidUTF8(text[:maxStatus], "") + "…"
	}
	return text
}
