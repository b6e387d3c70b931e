package client

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

// checkListener returns a *strangerError unless who listens on a port of
// 127.0.0.1 is root, this user or the named one. Otherwise whoever takes the port
// first could say that a microphone is muted. Under sudo this user is also the
// one who called it.
func checkListener(port int, name string) error {
	trusted := []string{"0", strconv.Itoa(os.Geteuid())}
	if os.Geteuid() == 0 {
		trusted = append(trusted, os.Getenv("SUDO_UID"))
	}
	if u, err := user.Lookup(name); err == nil {
		trusted = append(trusted, u.Uid)
	} else if uid, err := os.Readlink("/run/systemd/dynamic-uid/direct:" + name); err == nil { // a unit's DynamicUser=
		trusted = append(trusted, uid)
	}
	var owners []string
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		text, err := os.ReadFile(table)
		if errors.Is(err, fs.ErrNotExist) && table == "/proc/self/net/tcp6" {
			continue // no IPv6
		}
		if err != nil {
			return &strangerError{fmt.Sprintf("it cannot be told who listens on port %d: %v", port, err)}
		}
		owners = append(owners, listeners(string(text), port)...)
	}
	for _, uid := range owners {
		if !slices.Contains(trusted, uid) {
			who := "the user with the id " + uid
			if u, err := user.LookupId(uid); err == nil {
				who = u.Username
			}
			return &strangerError{fmt.Sprintf("port %d is %s's, who is neither you nor root nor %s: "+
				"that may not be your agent, and was not asked. If it is: --agent-user or VW_AGENT_USER", port, who, name)}
		}
	}
	if len(owners) == 0 {
		return &strangerError{fmt.Sprintf("it cannot be told who listens on port %d: /proc/self/net/tcp does not name it", port)}
	}
	return nil
}

// listeners finds the users whose sockets take connections to a port of
// 127.0.0.1, in the form of proc(5)'s /proc/net/tcp.
func listeners(table string, port int) (uids []string) {
	const listen = "0A"
	// 127.0.0.1 and any address, of both families, as words in the machine's byte order
	addresses := []string{"0100007F", "7F000001", strings.Repeat("0", 8), strings.Repeat("0", 32),
		"0000000000000000FFFF00000100007F", "00000000000000000000FFFF7F000001"}
	for lines := bufio.NewScanner(strings.NewReader(table)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 8 || f[3] != listen {
			continue
		}
		address, at, _ := strings.Cut(f[1], ":")
		if n, err := strconv.ParseUint(at, 16, 16); err == nil && int(n) == port && slices.Contains(addresses, address) {
			uids = append(uids, f[7])
		}
	}
	return uids
}
