package command

import "time"

// The bounds of how long a link is told of what changes.
const (
	watchFor = time.Minute // where nobody says
	maxWatch = time.Hour
)

// A Watch is for how long whoever asked is told of what changes, from now on. 0
// ends it.
type Watch time.Duration

// MarshalJSON is the reply to the command.
func (w Watch) MarshalJSON() ([]byte, error) {
	return encode(map[string]string{"watch": time.Duration(w).String()})
}

func parseWatch(command object) (Watch, error) {
	lease, err := command.duration("for", watchFor, 0, maxWatch)
	return Watch(lease), err
}
