package command

import "encoding/json"

// TableHash checks a table as add rules does, as far as that goes without an agent,
// and returns the hash that it has wherever it is in force. The hash is "" where the
// table says "tokenSet" of a destination: then it depends on the token that the agent
// has.
func TableHash(raw json.RawMessage) (hash string, err error) {
	t, err := parseTable(raw)
	if err != nil {
		return "", err
	}
	rules, keepsToken := Rules{t.streams, map[string]Destination{}}, false
	for _, d := range t.destinations {
		rule, check := d.Destination, d.Destination
		if d.keepsToken {
			keepsToken, check.Token = true, "kept"
		}
		if err := check.Check(); err != nil {
			return "", of("destination", rule.ID, err)
		}
		rules.Destinations[rule.ID] = rule
	}
	if err := rules.bounded(); err != nil || keepsToken {
		return "", err
	}
	return rules.hash(), nil
}
