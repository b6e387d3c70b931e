// Package testrelay is a relay in a box, for tests and demonstrations.
//
// What comes in on /in/<topic> or /bi/<topic> goes to every other client of
// /out/<topic> and /bi/<topic>, as the message it was, text or binary, and
// never back to its sender. Topics exist by being named; they may hold
// slashes. Every other path is 404, and GET / says in text what this is.
//
// On top of that the room plays what real relays do to their clients: it
// demands a token in one of three ways ([Auth]), speaks TLS with a throw-away
// certificate authority ([TLS]), and misbehaves on demand, path by path
// ([Faults]): it refuses as relays in use do, stalls, goes quiet, swallows what it
// takes, glues messages, hangs up. It remembers what every client did ([Visit])
// and hands on what arrived ([Subscription]).
//
// A [Server] is a relay on a loopback port of its own, for tests; a [Relay]
// serves whatever listener it is given. Both may be used from any goroutine,
// and leave none behind.
//
// The room knows nothing of agents and rules, and of media only what shows a
// picture of a topic. It gives whoever connects whatever there is: no program
// but a demonstration may start it.
package testrelay
