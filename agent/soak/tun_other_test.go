//go:build !linux

package soak_test

import (
	"errors"
	"os"
	"testing"
)

func isolate() (int, bool) { return 0, false }

func freeze(*os.Process, bool) {} // not every system can

// wide is a network of Linux's.
type wide struct{}

func openWide(testing.TB) (*wide, error) { return nil, errors.New("this system has none") }

func (*wide) listener() string { return "" }
func (*wide) wire(string) line { return nil }
