package local_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"vw/agent/local"
)

func TestIPv6LoopbackThatComesLaterIsListenedOn(t *testing.T) {
	t.Parallel()
	held, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no ::1")
	}
	defer held.Close()
	port := held.Addr().(*net.TCPAddr).Port
	logged, log := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	asked := 0
	has := func() bool { asked++; return asked > 1 }
	got := make(chan net.Listener, 1)
	go func() { got <- local.LateIPv6(ctx, port, has, slog.New(slog.NewTextHandler(log, nil))) }()
	if line, err := bufio.NewReader(logged).ReadString('\n'); err != nil || !strings.Contains(line, "cannot be had on ::1") || !strings.Contains(line, fmt.Sprint("port=", port)) {
		t.Errorf("logged %q, %v", line, err)
	}
	go io.Copy(io.Discard, logged)
	held.Close() // whoever had it has gone
	six := <-got
	if six == nil {
		t.Fatal("::1 is not listened on")
	}
	defer six.Close()
	if six.Addr().String() != fmt.Sprintf("[::1]:%d", port) {
		t.Errorf("it listens on %s", six.Addr())
	}
}
