package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"vw/agent/link"
	"vw/agent/link/mqtt"
	"vw/agent/owner"
	"vw/command"
	"vw/media"
)

// Config says what an agent is to be. The zero value is one without command
// channel.
type Config struct {
	// Port is the TCP port on 127.0.0.1 and ::1; 0 takes a free one.
	Port int
	// API is the command channel's URL, in which {name} stands for Name.
	// Defaults to none: then only this machine can command the agent.
	API string
	// APIToken is the token of that channel. Defaults to none.
	APIToken string
	// APITokenFile holds that token in its place, by its absolute path, and is read at
	// each dial. Defaults to none.
	APITokenFile string
	// CredentialsDir is the folder of the files that a rule's "credential" names: a
	// token in the first line, and below it the hosts that it is for. They are read at
	// each dial. Defaults to none: then no rule may name one.
	CredentialsDir string
	// Trial is how long a new endpoint of the command channel has to prove
	// itself before it is taken back. Defaults to 5 min.
	Trial time.Duration
	// Heartbeat is how often the command channel is told that the agent is there, and
	// how it stands. Defaults to never.
	Heartbeat time.Duration
	// Name is the agent's name. Defaults to the host name.
	Name string
	// Muted are feeds that the owner has muted from the start, as in /api/mutes.
	// Defaults to none.
	Muted []string
	// MuteFile mutes everything while it exists, or while that cannot be told.
	// Defaults to none.
	MuteFile string
	// OnAirFile is kept to the names of the feeds that leave now, one a line.
	// Defaults to none.
	OnAirFile string
	// OwnerTokenFile holds the token that unmuting and unlocking want. Defaults
	// to none: whoever is on this machine may.
	OwnerTokenFile string
	// State is the file in which rules, mutes and lock last over a restart. It
	// holds tokens. Defaults to none.
	State string
	// Journal is the file in which it is kept who changed what. Defaults to none.
	Journal string
	// RecordDir is the folder that recordings cannot leave. It is made when
	// it is needed. Defaults to none: then a rule that comes over the command
	// channel may not record, and those of this machine record to "recordings"
	// in the working directory.
	RecordDir string
	// RecordKeep bounds the age and the size of the recordings made in the
	// folder: the oldest are deleted. Defaults to none being deleted.
	RecordKeep media.Keep
	// PingInterval is the time between pings on every link. Defaults to 15 s.
	PingInterval time.Duration
	// AllowDestinations are globs of the hosts that may be dialled on a rule's
	// behalf. Defaults to every host.
	AllowDestinations []string
	// AllowPlaintext allows ws:// and http:// to other machines. Defaults to
	// false.
	AllowPlaintext bool
	// CAFile holds certificates, as PEM, that are trusted besides the system's.
	// Defaults to none.
	CAFile string
	// CertFile and KeyFile hold the certificate, as PEM, that relays are shown
	// on demand, and its key. Default to none.
	CertFile, KeyFile string
	// Root is where this machine's file system begins, in which its cameras and
	// microphones are found. Defaults to /.
	Root string
	// Built is when the program was built: a clock that is before it is not set.
	// Defaults to a date that every build is after.
	Built time.Time
	// Version is what list status calls the program. Defaults to "unknown".
	Version string
	// Log defaults to none.
	Log *slog.Logger

	disk func() // called before a file is opened or the state written; a test's
}

// fill puts in the defaults, and says what is wrong, in words for whoever starts the
// program.
func (c *Config) fill() error {
	if c.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("the host has no name, set one for the agent: %w", err)
		}
		c.Name = host
	}
	c.API = strings.ReplaceAll(c.API, "{name}", url.PathEscape(c.Name))
	for _, path := range []*string{&c.APITokenFile, &c.CredentialsDir} {
		if err := absolute(path); err != nil {
			return err
		}
	}
	if c.PingInterval == 0 {
		c.PingInterval = 15 * time.Second
	}
	if c.Trial == 0 {
		c.Trial = 5 * time.Minute
	}
	if c.Root == "" {
		c.Root = "/"
	}
	if c.Version == "" {
		c.Version = "unknown"
	}
	if c.disk == nil {
		c.disk = func() {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c.check()
}

// absolute makes a path an absolute one, unless it is "".
func absolute(path *string) (err error) {
	if *path != "" {
		*path, err = filepath.Abs(*path)
	}
	return err
}

func (c *Config) check() error {
	if c.Port < 0 || c.Port > 65535 {
		return fmt.Errorf("port %d is not one of 0 to 65535", c.Port)
	}
	if c.PingInterval < 100*time.Millisecond || c.PingInterval > time.Hour {
		return fmt.Errorf("ping interval %v is not within 100ms and 1h", c.PingInterval)
	}
	for _, glob := range c.AllowDestinations {
		if _, err := path.Match(glob, ""); err != nil {
			return fmt.Errorf("allowed destination %q is no pattern of host names", glob)
		}
	}
	if c.Trial < time.Second || c.Trial > 24*time.Hour {
		return fmt.Errorf("api trial %v is not within 1s and 24h", c.Trial)
	}
	if c.Heartbeat != 0 && (c.Heartbeat < time.Second || c.Heartbeat > 24*time.Hour) {
		return fmt.Errorf("api heartbeat %v is not within 1s and 24h, nor 0 for none", c.Heartbeat)
	}
	for _, entry := range c.Muted {
		if _, err := owner.ParseFeed(entry); err != nil {
			return fmt.Errorf("muted feed %q: %w", entry, err)
		}
	}
	if c.APIToken != "" && c.APITokenFile != "" {
		return errors.New("the token for the command channel is given twice: leave out VW_API_TOKEN or VW_API_TOKEN_FILE")
	}
	if c.API == "" {
		if c.APIToken != "" || c.APITokenFile != "" {
			return errors.New("there is a token for the command channel, but no URL: set VW_API")
		}
		return nil
	}
	if err := c.channelRule().Check(); err != nil {
		return fmt.Errorf("the command channel's URL: %w", err)
	}
	if (link.Target{URL: c.API}).MQTT() {
		return mqtt.CheckName(c.Name)
	}
	return nil
}

// channelRule is the command channel's as it is configured, without ID for none.
func (c *Config) channelRule() command.Destination {
	if c.API == "" {
		return command.Destination{}
	}
	rule := command.ChannelRule(c.API, c.APIToken)
	rule.Credential = c.APITokenFile
	return rule
}

// policy returns whom the agent may dial.
func (c *Config) policy() (link.Policy, error) {
	api := link.Target{URL: c.API, Token: c.APIToken, Credential: c.APITokenFile, Local: true}
	p := link.Policy{Hosts: c.AllowDestinations, Plaintext: c.AllowPlaintext, Loopback: api.IsLoopback(), OwnPort: uint16(c.Port)}
	if c.API == "" {
		return p, nil
	}
	if err := p.Check(api); err != nil {
		return p, fmt.Errorf("the command channel's URL: %w", err)
	}
	return p, nil
}
