package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"vw/command"
)

// Rules are a table of rules as somebody wants agents to have it.
type Rules struct{ text string }

// ReadRules reads a table from a file: as add rules takes it, or as list rules prints
// it. {name} in it stands for the name of the agent.
func ReadRules(path string) (*Rules, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	listed := struct{ Rules json.RawMessage }{}
	if err := json.Unmarshal(text, &listed); err != nil {
		return nil, fmt.Errorf("%s: it is no JSON: %w", path, err)
	}
	if listed.Rules != nil {
		text = listed.Rules
	}
	r := &Rules{strings.TrimSpace(string(text))}
	if len(r.text) > command.MaxCommand/2 {
		return nil, fmt.Errorf("%s: it is longer than agents take", path)
	}
	if _, err := r.hash("name"); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// of returns the table of an agent.
func (r *Rules) of(name string) json.RawMessage {
	quoted, err := json.Marshal(name)
	if err != nil { // a string
		panic(err)
	}
	return json.RawMessage(strings.ReplaceAll(r.text, "{name}", string(quoted[1:len(quoted)-1])))
}

// hash returns the hash of an agent's table, "" where only the agent can tell it.
func (r *Rules) hash(name string) (string, error) { return command.TableHash(r.of(name)) }

var errKeepsToken = errors.New(`"tokenSet" in it says that agents keep tokens that are not known here, so that what they have cannot be compared: give "token" or "credential"`)
