//go:build !linux

package client

// checkListener returns nil: who listens is not looked at on this system.
func checkListener(int, string) error { return nil }
