package command

// An Origin is where a command came from.
type Origin bool

const (
	// Remote is the command channel, which the owner can lock.
	Remote Origin = false
	// Local is this machine.
	Local Origin = true
)

// String is for logs.
func (o Origin) String() string {
	if o == Local {
		return "owner"
	}
	return "channel"
}
