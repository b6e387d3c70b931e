//go:build !linux

package client

// checkListener says nothing: who listens is not looked at on this system.
func checkListener(int, string) error { return nil }
