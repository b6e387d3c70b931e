// Package cli is what the commands of vw have in common: how they read flags, and
// how they print for people and for programs. It knows no command.
package cli
