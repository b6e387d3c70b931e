package agent

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/google/uuid"

	"vw/agent/forward"
	"vw/agent/link"
	"vw/agent/owner"
	"vw/agent/state"
	"vw/command"
	"vw/media"
)

// An Agent forwards this machine's feeds to relays, as its rules say.
type Agent struct {
	config   Config
	log      *slog.Logger
	logLimit *logLimit
	instance string
	started  time.Time
	router   *media.Router
	dialer   *link.Dialer
	owner    *owner.Owner
	store    *state.Store
	held     state.Snapshot // what the store held at the start
	forward  *forward.Forwarder
	control  *control
	commands *command.Handler
	begun    chan struct{} // closed when commands is there
	local    *local
}

// New checks the configuration and opens the loopback port. An error is in
// words for whoever starts the program. Run has to be called.
func New(c Config) (*Agent, error) {
	a, err := prepare(c)
	if err != nil {
		return nil, err
	}
	listeners, err := listen(a.config.Port)
	if err != nil {
		return nil, err
	}
	a.dialer.Policy.OwnPort = uint16(listeners[0].Addr().(*net.TCPAddr).Port)
	a.local = newLocal(a, listeners)
	return a, nil
}

// prepare checks the configuration and loads the state.
func prepare(c Config) (*Agent, error) {
	if err := c.defaults(); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	tls, err := link.TLS(c.CAFile, c.CertFile, c.KeyFile)
	if err != nil {
		return nil, err
	}
	api := link.Target{URL: c.API, Token: c.APIToken, Local: true}
	p := link.Policy{Hosts: c.AllowDestinations, Plaintext: c.AllowPlaintext, Loopback: api.IsLoopback(), OwnPort: uint16(c.Port)}
	if c.API != "" {
		if err := p.Check(api); err != nil {
			return nil, fmt.Errorf("the command channel's URL: %w", err)
		}
	}
	log, limit := newBoundedLog(c.Log)
	a := &Agent{config: c, log: log, logLimit: limit, instance: uuid.NewString(), started: time.Now(),
		router: media.NewRouter(), dialer: link.New(link.Config{Policy: p, TLS: tls, Ping: c.PingInterval}), begun: make(chan struct{})}
	if a.store, a.held, err = state.Open(state.Config{Path: c.State, Source: source{a}, Log: log}); err != nil {
		return nil, err
	}
	a.owner, err = owner.New(owner.Config{
		Router: a.router, MuteFile: c.MuteFile, OnAirFile: c.OnAirFile, TokenFile: c.OwnerTokenFile,
		Built: c.Built, Save: a.store.Save, InTurn: a.inTurn, Log: a.log,
	}, a.held.State, c.Muted)
	return a, err
}

// URL is where this machine reaches the agent, without a slash at the end.
func (a *Agent) URL() string {
	return fmt.Sprintf("http://127.0.0.1:%d", a.local.listeners[0].Addr().(*net.TCPAddr).Port)
}

// Run works until ctx ends, or HTTP cannot be served any more. Then it stops
// taking packets in, writes what waits to be recorded, sends every relay a
// close frame, and returns without leaving a goroutine.
func (a *Agent) Run(ctx context.Context) error {
	a.log.Info("started", "version", a.config.Version, "instance", a.instance, "name", a.config.Name, "url", a.URL())
	defer a.begin(context.WithoutCancel(ctx))()
	return a.local.run(ctx)
}

// begin does all but to serve HTTP, until end is called.
func (a *Agent) begin(ctx context.Context) (end func()) {
	links, endLinks := context.WithCancel(ctx)
	lasting, endLasting := context.WithCancel(ctx) // the owner's word and the state outlast the links
	recordings := &media.Folder{Dir: cmp.Or(a.config.RecordDir, "recordings"), Keep: a.config.RecordKeep}
	a.forward = forward.New(forward.Config{Router: a.router, Dialer: a.dialer, Folder: folder{recordings, a.config.disk},
		LocalOnly: a.config.RecordDir == "", Log: a.log})
	a.control = &control{dialer: a.dialer, log: a.log, trial: a.config.Trial, ctx: links,
		alone:  max(a.config.Trial, 4*a.config.PingInterval),                             // by then a link that is dead is known to be
		answer: a.answer, replace: a.replaceAPIRule, save: func() { _ = a.store.Save() }} // the state file tells
	rules := a.savedRules()
	a.commands = command.New(command.Config{Name: a.config.Name, Rules: rules, Effects: effects{a}, Reports: reports{a}, Log: a.log})
	a.commands.Start(a.forward.AdmitSaved(rules.Destinations))
	close(a.begun)
	var rest sync.WaitGroup
	rest.Go(func() { a.router.Run(links) })
	rest.Go(func() { a.owner.Run(lasting) })
	rest.Go(func() { recordings.Run(links, a.tellDeleted) })
	rest.Go(func() { a.store.Run(lasting) })
	return func() {
		a.control.end()
		endLinks()
		a.forward.Close()
		a.control.links.Wait()
		endLasting()
		rest.Wait()
		a.log.Info("stopped")
		a.logLimit.tell(0)
	}
}

// tellDeleted logs a recording that was to be kept no longer.
func (a *Agent) tellDeleted(file string, err error) {
	if err != nil {
		a.log.Error("recording to be kept no longer is not deleted", "file", file, "err", err)
		return
	}
	a.log.Info("recording deleted, it was to be kept no longer", "file", file, "keep", a.config.RecordKeep.String())
}

func (a *Agent) inTurn(ctx context.Context, work func() error) error {
	<-a.begun
	return a.commands.InTurn(ctx, work)
}

func (a *Agent) replaceAPIRule(ctx context.Context, next func(command.Destination) command.Destination) {
	<-a.begun
	if err := a.commands.ReplaceAPIRule(ctx, next); err != nil && ctx.Err() == nil {
		a.log.Error("the command channel's rule is not put back", "err", err)
	}
}

// A folder is where recordings are made.
type folder struct {
	*media.Folder
	disk func()
}

// Record opens a new file.
func (f folder) Record(file string) (*media.Recording, error) {
	f.disk()
	return f.Folder.Record(file)
}

// A source tells what is to outlive the program.
type source struct{ agent *Agent }

// Snapshot returns what is in force now.
func (s source) Snapshot() state.Snapshot {
	a := s.agent
	a.config.disk()
	channel := a.control.snapshot()
	channel.Configured, channel.Token = a.config.API, &a.config.APIToken
	return state.New(a.commands.Rules(), channel, a.owner.State())
}

// savedRules are the rules that the store held.
func (a *Agent) savedRules() command.Rules {
	rules := a.held.Rules()
	if a.config.API != "" {
		rules.Destinations[command.APIRule] = a.control.restore(a.held.Channel, command.ChannelRule(a.config.API, a.config.APIToken))
	}
	return rules
}

// answer runs the commands of one message, nil for one that was too long, and
// sends the replies back on the link that it came on. It reports whether any
// command was done, and whether all replies were sent.
func (a *Agent) answer(ctx context.Context, c *link.Conn, from command.Origin, message []byte) (done, sent bool) {
	<-a.begun // a link may be up before
	replied, failed := false, false
	reply := func(b []byte) {
		replied = true
		if err := c.WriteText(b); err != nil {
			failed = true
			a.log.Info("reply not sent", "err", err)
		}
	}
	if message == nil {
		reply(command.TooLong())
		return false, !failed
	}
	done = a.commands.Handle(ctx, message, from, reply)
	return done, !failed && (replied || ctx.Err() == nil)
}
