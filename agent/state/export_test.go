package state

// Machine is the disk of this machine.
type Machine = machine

// OpenOn is Open on another disk.
func OpenOn(d disk, c Config) (*Store, Snapshot, error) {
	c.disk = d
	return Open(c)
}
