package fleet

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"vw/agent/link"
	"vw/cmd/vw/cli"
)

// An Entry is an agent as the list of agents names it.
type Entry struct {
	Name string // the agent's own
	URL  string // of its command channel
	// TokenFile holds the token for the relay, by its absolute path, "" for none. It is
	// read at each dial.
	TokenFile string
}

// ReadList reads a list of agents: a line each, with the agent's name, the URL of its
// command channel, and where it has a token of its own the file that holds that,
// relative to the list's folder. {name} in these stands for the name. The error
// names the line.
func ReadList(path string, relay cli.Relay) (list []Entry, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	seen := map[string]int{} // lines, by name
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		e, err := parseEntry(words, filepath.Dir(path), relay)
		if before := seen[e.Name]; err == nil && before > 0 {
			err = fmt.Errorf("%q is in line %d already: give each agent a name of its own (VW_NAME)", e.Name, before)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		seen[e.Name] = n
		list = append(list, e)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s names no agent: write a line for each, such as lab1 wss://relay.example/bi/lab1", path)
	}
	return list, nil
}

func parseEntry(words []string, dir string, relay cli.Relay) (e Entry, err error) {
	e.Name = words[0]
	switch {
	case strings.Contains(e.Name, "://"):
		return e, errors.New("it begins with a URL: write the agent's name before it, as VW_NAME says it")
	case len(words) == 1:
		return e, errors.New("the URL of its command channel is missing: write it after the name")
	case len(words) > 3:
		return e, fmt.Errorf("%q is one word too many: a line has a name, a URL, and the file of a token", words[3])
	}
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "{name}", e.Name)
	}
	e.URL, e.TokenFile = words[1], relay.TokenFile
	if (link.Target{URL: e.URL}).MQTT() && !strings.Contains(e.URL, "#") {
		e.URL += "#" + e.Name // whom a broker is to ask for
	}
	if len(words) == 3 {
		if e.TokenFile, err = filepath.Abs(words[2]); err != nil {
			return e, err
		}
		if !filepath.IsAbs(words[2]) {
			e.TokenFile, err = filepath.Abs(filepath.Join(dir, words[2]))
		}
		if err == nil {
			relay.Token, err = relay.ReadToken(e.TokenFile)
		}
		if err != nil {
			return e, fmt.Errorf("%s: %w", words[2], err)
		}
	}
	return e, relay.Check(e.URL)
}
