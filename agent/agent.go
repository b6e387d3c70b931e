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

	"vw/agent/link"
	"vw/command"
	"vw/media"
)

// An Agent forwards this machine's feeds to relays, as its rules say.
type Agent struct {
	config   Config
	log      *slog.Logger
	instance string
	started  time.Time
	router   *media.Router
	dialer   *link.Dialer
	owner    *owner
	state    *stateFile // nil where nothing lasts
	saved    saved      // what the state file held at the start
	saving   sync.Mutex // so that an older state never replaces a newer one
	forward  *forward
	control  *control
	commands *command.Handler
	tally    tally
	begun    chan struct{} // closed when commands is there
	local    *local
}

// New checks the configuration and opens the loopback port. An error is in
// words for whoever starts the program. Run has to be called.
func New(c Config) (*Agent, error) {
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
	a := &Agent{config: c, log: c.Log, instance: uuid.NewString(), started: time.Now(),
		router: media.NewRouter(), dialer: link.New(link.Config{Policy: p, TLS: tls, Ping: c.PingInterval}), begun: make(chan struct{})}
	a.owner = &owner{router: a.router, save: a.save, inTurn: a.inTurn}
	if err := a.load(); err != nil {
		return nil, err
	}
	listeners, err := listen(c.Port)
	if err != nil {
		return nil, err
	}
	a.dialer.Policy.OwnPort = uint16(listeners[0].Addr().(*net.TCPAddr).Port)
	a.local = newLocal(a, listeners)
	return a, nil
}

// URL is where this machine reaches the agent, without a slash at the end.
func (a *Agent) URL() string {
	return fmt.Sprintf("http://127.0.0.1:%d", a.local.listeners[0].Addr().(*net.TCPAddr).Port)
}

// Run works until ctx ends, or HTTP cannot be served any more. Then it stops
// taking packets in, writes what waits to be recorded, sends every relay a
// close frame, and returns without leaving a goroutine.
func (a *Agent) Run(ctx context.Context) error {
	links, endLinks := context.WithCancel(context.WithoutCancel(ctx))
	files, endFiles := context.WithCancel(context.WithoutCancel(ctx))
	defer endLinks()
	defer endFiles()
	a.forward = &forward{
		router: a.router, dialer: a.dialer, log: a.log, folder: cmp.Or(a.config.RecordDir, "recordings"), localOnly: a.config.RecordDir == "", ctx: links, recording: files,
		destinations: map[string]*destination{}, opened: map[string]*media.Recording{},
		idle: map[string]error{},
	}
	a.control = &control{dialer: a.dialer, log: a.log, trial: a.config.Trial, ctx: links,
		answer: a.answer, takeBack: a.takeBack, save: func() { _ = a.save() }} // the state file tells
	rules := a.savedRules()
	a.commands = command.New(command.Config{
		Name: a.config.Name, API: a.config.API, APIToken: a.config.APIToken, Saved: rules,
		Ran: a.tally.add, Trial: a.control.trying, Locked: a.owner.isLocked,
		Admit: a.forward.admit, Apply: a.apply, Feeds: a.feeds,
		Status: a.statusFor, Log: a.log,
	})
	close(a.begun)
	a.log.Info("started", "version", a.config.Version, "instance", a.instance, "name", a.config.Name, "url", a.URL())
	var rest sync.WaitGroup
	rest.Go(func() { a.router.Run(links) })
	if a.state != nil {
		rest.Go(func() { a.state.run(links) })
	}
	err := a.local.run(ctx)
	rest.Go(a.control.close)
	a.forward.close(endLinks, endFiles)
	rest.Wait()
	a.log.Info("stopped")
	return err
}

func (a *Agent) inTurn(ctx context.Context, work func() error) error {
	<-a.begun
	return a.commands.InTurn(ctx, work)
}

// takeBack puts an endpoint of the command channel back in force.
func (a *Agent) takeBack(ctx context.Context, from, to command.Destination) {
	<-a.begun
	if err := a.commands.ReplaceAPIRule(ctx, from, to); err != nil {
		a.log.Error("the command channel's rule is not put back", "err", err)
	}
}

// apply puts rules in force. It is called under the table's lock.
func (a *Agent) apply(r command.Rules) func(context.Context) {
	stopping := a.router.SetStreams(r.Streams)
	stopping.Join(a.forward.apply(r.Destinations))
	var api *command.Destination
	if rule, ok := r.Destinations[apiRule]; ok {
		api = &rule
	}
	a.control.apply(api)
	return func(ctx context.Context) {
		stopping.Wait(ctx)
		_ = a.save() // the state file tells
	}
}

// answer runs the commands of one message, nil for one that was too long, and
// sends the replies back on the link that it came on. It says whether any
// command was done.
func (a *Agent) answer(ctx context.Context, c *link.Conn, from command.Origin, message []byte) bool {
	<-a.begun // a link may be up before
	reply := func(b []byte) {
		if err := c.WriteText(b); err != nil {
			a.log.Info("reply not sent", "err", err)
		}
	}
	if message == nil {
		reply(command.TooLong())
		return false
	}
	return a.commands.Handle(ctx, message, from, reply)
}
