//go:build !linux

package main

// checkListener says nothing: who listens is not looked at on this system.
func checkListener(int, string) error { return nil }
