package command

import "context"

// An Actor is who wants something done: for logs and the journal.
type Actor struct {
	Who   string // channel, rest, page, command (vw mute and the like), or agent: itself
	Relay string // where the command channel came in, "" for another
}

type actorKey struct{}

// In returns a context in which the actor wants something done.
func (a Actor) In(ctx context.Context) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorIn returns who wants something done: the agent itself, where nobody else does.
func ActorIn(ctx context.Context) Actor {
	if a, known := ctx.Value(actorKey{}).(Actor); known {
		return a
	}
	return Actor{Who: "agent"}
}

// String is for logs.
func (a Actor) String() string {
	if a.Relay == "" {
		return a.Who
	}
	return a.Who + " " + a.Relay
}

// in returns a context with an actor, for whoever is not told more of the origin.
func (o Origin) in(ctx context.Context) context.Context {
	if _, known := ctx.Value(actorKey{}).(Actor); known {
		return ctx
	}
	return Actor{Who: o.String()}.In(ctx)
}
