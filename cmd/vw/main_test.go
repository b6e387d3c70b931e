package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestMain makes this test program vw itself where it is called by that name,
// so that the tests run the whole program, with the race detector in it.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "vw" {
		main()
	}
	os.Exit(m.Run())
}
