//go:build !unix

package owner

// Trust says nothing: who may write a file is not looked at on this system.
func Trust(string) error { return nil }

func secret(string) error { return nil }
