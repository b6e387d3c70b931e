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

	"vw/agent/channel"
	"vw/agent/forward"
	"vw/agent/journal"
	"vw/agent/link"
	"vw/agent/local"
	"vw/agent/owner"
	"vw/agent/state"
	"vw/command"
	"vw/media"
)

// An Agent forwards this machine's feeds to relays, as its rules say.
type Agent struct {
	config     Config
	log        *slog.Logger
	logLimit   *logLimit
	instance   string
	started    time.Time
	router     *media.Router
	dialer     *link.Dialer
	recordings *media.Folder
	store      *state.Store
	journal    *journal.Journal
	commands   *command.Handler
	owner      *owner.Owner
	forward    *forward.Forwarder
	channel    *channel.Channel
	local      *local.Server
}

// New checks the configuration, opens the loopback port and builds the agent. An
// error is in words for whoever starts the program. Run has to be called.
func New(c Config) (*Agent, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	listeners, err := local.Listen(c.Port)
	if err != nil {
		return nil, fmt.Errorf("choose another port with --port or VW_PORT: %w", err)
	}
	a, err := build(c, listeners, nil)
	if err != nil {
		for _, l := range listeners {
			_ = l.Close()
		}
	}
	return a, err
}

// build makes all of an agent; nothing of it runs. It dials by dial, nil for the
// machine's network.
func build(c Config, listeners []net.Listener, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*Agent, error) {
	tls, err := link.TLS(c.CAFile, c.CertFile, c.KeyFile)
	if err != nil {
		return nil, err
	}
	policy, err := c.policy()
	if err != nil {
		return nil, err
	}
	if len(listeners) > 0 {
		policy.OwnPort = uint16(listeners[0].Addr().(*net.TCPAddr).Port)
	}
	log, limit := newBoundedLog(c.Log)
	a := &Agent{config: c, log: log, logLimit: limit, instance: uuid.NewString(), started: time.Now(), router: media.NewRouter(),
		dialer:     link.New(link.Config{Policy: policy, TLS: tls, Ping: c.PingInterval, Credentials: c.CredentialsDir, Dial: dial}),
		recordings: &media.Folder{Dir: cmp.Or(c.RecordDir, "recordings"), Keep: c.RecordKeep}}
	if a.journal, err = journal.Open(journal.Config{Path: c.Journal, Disk: c.disk, Log: log}); err != nil {
		return nil, err
	}
	store, held, err := state.Open(state.Config{Path: c.State, Source: source{a}, Log: log})
	if err != nil {
		return nil, err
	}
	if err := a.router.RestoreSlots(held.Slots); err != nil {
		log.Warn("slots in the state file are not taken: players see the stream's tracks anew", "err", err)
	}
	known := channel.Recall(held.Channel, c.channelRule())
	rules := held.Rules()
	if known.Rule.ID != "" {
		rules.Destinations[command.APIRule] = known.Rule
	}
	a.store = store
	a.commands = command.New(command.Config{Name: c.Name, Rules: rules, Effects: effects{a}, Reports: reports{reporter{a}}, Journal: a.journal, Log: log})
	a.forward = forward.New(forward.Config{Router: a.router, Dialer: a.dialer, Folder: folder{a.recordings, c.disk},
		LocalOnly: c.RecordDir == "", Log: log})
	a.channel = channel.New(channel.Config{Name: c.Name, Dialer: a.dialer, Commands: a.commands, Store: store, Reporter: reporter{a},
		Trial: c.Trial, Heartbeat: c.Heartbeat, Known: known, Log: log})
	a.owner, err = owner.New(owner.Config{
		Router: a.router, MuteFile: c.MuteFile, OnAirFile: c.OnAirFile, TokenFile: c.OwnerTokenFile,
		Built: c.Built, Saver: saver{store.Force, a.journal}, Turns: a.commands, Journal: a.journal, Log: log,
	}, held.State, c.Muted)
	if err != nil {
		return nil, err
	}
	a.local = local.New(local.Config{Listeners: listeners, Router: a.router, Dialer: a.dialer, Commands: a.commands, Channel: a.channel,
		Owner: a.owner, Store: store, Journal: a.journal, Reporter: reporter{a}, Root: c.Root, Log: log})
	return a, nil
}

// URL is where this machine reaches the agent, without a slash at the end.
func (a *Agent) URL() string { return a.local.URL() }

// Run works until ctx ends, or HTTP cannot be served any more. Then it stops
// taking packets in, writes what waits to be recorded, sends every relay a
// close frame, and returns without leaving a goroutine.
func (a *Agent) Run(ctx context.Context) error {
	a.log.Info("started", "version", a.config.Version, "instance", a.instance, "name", a.config.Name, "url", a.URL())
	defer a.start(context.WithoutCancel(ctx))()
	return a.local.Run(ctx)
}

// start does all but to serve HTTP, until stop is called, which returns when it
// has ended.
func (a *Agent) start(ctx context.Context) (stop func()) {
	running, end := context.WithCancel(ctx)
	lasting, endLasting := context.WithCancel(ctx) // the owner's word and the state outlast the links
	var rest sync.WaitGroup
	rest.Go(func() { a.store.Run(lasting) })
	rest.Go(func() { a.journal.Run(lasting) })
	a.journal.Begin(a.commands.Rules(), a.owner.Word())
	rest.Go(func() { a.owner.Run(lasting) })
	rest.Go(func() { a.router.Run(running) })
	rest.Go(func() { a.saveTimes(lasting) })
	rest.Go(func() { a.recordings.Run(running, a.logDeleted) })
	rest.Go(func() { a.commands.Run(running) })
	a.commands.Start(a.forward.AdmitSaved(a.commands.Rules().Destinations))
	return func() {
		end()
		var links sync.WaitGroup
		links.Go(a.channel.Close)
		links.Go(a.forward.Close)
		links.Wait()
		a.journal.End()
		endLasting()
		rest.Wait()
		a.log.Info("stopped")
		a.logLimit.flush(0)
	}
}

const (
	// saveSlotsAfter is how long changes of slots are gathered before they are saved.
	saveSlotsAfter = time.Second
	// clockEvery is the time between two looks whether the machine's clock has been set,
	// by clockSet at least.
	clockEvery = 10 * time.Second
	clockSet   = 250 * time.Millisecond
)

// saveTimes saves what the state file has by the time of day, until ctx ends: the
// streams' slots when they have changed, and all of it when the clock has been set,
// for a start by the new one.
func (a *Agent) saveTimes(ctx context.Context) {
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	saved := time.Duration(0) // by how much the clock was set then
	for {
		select {
		case <-a.router.UnsavedSlots():
			select {
			case <-time.After(saveSlotsAfter):
			case <-ctx.Done():
			}
		case <-tick.C:
			now := time.Now()
			set := now.Round(0).Sub(a.started.Round(0)) - now.Sub(a.started)
			if (set - saved).Abs() < clockSet {
				continue
			}
			saved = set
		case <-ctx.Done():
			return
		}
		_ = a.store.Save() // the store logs it
	}
}

// logDeleted logs a recording that was to be kept no longer.
func (a *Agent) logDeleted(file string, err error) {
	if err != nil {
		a.log.Error("recording to be kept no longer is not deleted", "file", file, "err", err)
		return
	}
	a.log.Info("recording deleted, it was to be kept no longer", "file", file, "keep", a.config.RecordKeep.String())
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

// A saver makes what is in force outlive the program, and who changed it be known.
type saver struct {
	save    func() error // of the store
	journal *journal.Journal
}

// Save returns when both is written, or their disks hang; its error is of the state.
func (s saver) Save() (err error) {
	var both sync.WaitGroup
	both.Go(func() { _ = s.journal.Flush() }) // it tells
	err = s.save()
	both.Wait()
	return err
}

// A source tells what is to outlive the program.
type source struct{ agent *Agent }

// Snapshot returns what is in force now.
func (s source) Snapshot() state.Snapshot {
	a := s.agent
	a.config.disk()
	return state.New(a.commands.Lasting(), a.router.Slots(), a.channel.Snapshot(), a.owner.State())
}
