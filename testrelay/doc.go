// Package testrelay is a relay in a box, for tests, demonstrations and one
// laboratory. README.md beside it is the manual of the program.
//
// What comes in on /in/<topic> or /bi/<topic> goes to every other client of
// /out/<topic> and /bi/<topic>, as the message it was, text or binary, and
// never back to its sender. Topics exist by being named; they may hold
// slashes. /view/<topic> plays one in a browser, /healthz and /metrics tell how
// the relay is, GET / says in text what this is, every other path is 404.
//
// It demands a token in one of the ways that relays know ([Auth]), or takes it
// in any of them and asks what it may do ([Tokens]). How many there may be of
// what is bounded, and who is too slow goes on at a key frame ([Config]).
//
// For tests it speaks TLS with a throw-away certificate authority ([TLS]), and
// misbehaves on demand, path by path ([Faults]): it refuses as relays in use do,
// stalls, goes quiet, swallows what it takes, glues messages, hangs up. It
// remembers what every client did ([Visit]) and hands on what arrived
// ([Subscription]).
//
// A [Server] is a relay on a loopback port of its own, for tests; a [Relay]
// serves whatever listener it is given. Both may be used from any goroutine,
// and leave none behind.
//
// The room knows nothing of agents and rules, and of media only where a viewer
// can begin.
package testrelay
