package command

// Protocol is the number of the protocol. Agents that tell none speak 1.
const Protocol = 2

// Capabilities returns what an agent understands besides protocol 1, sorted: each
// word is a section of the manual.
func Capabilities() []string { return []string{"confirm", "credential", "heartbeat", "rules", "watch"} }
