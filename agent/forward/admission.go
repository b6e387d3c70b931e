package forward

import (
	"errors"
	"fmt"
	"time"

	"vw/agent/link"
	"vw/command"
	"vw/media"
)

// openTimeout is how long a record folder may take to open a file: one on a disk
// that hangs must not hold commands up.
const openTimeout = 2 * time.Second

var (
	errHangs         = errors.New("the disk of the record folder does not answer: see to it, then add the rule again")
	errEnded         = errors.New("the agent is being stopped: add the rule again when it runs")
	errNoCredentials = &command.Error{Kind: command.Invalid, Field: "credential", Why: "this machine has no folder of credentials: " +
		"VW_CREDENTIALS_DIR has to be set there, or give token in its place"}
	errLocalOnly = &command.Error{Kind: command.Invalid, Field: "file", Why: "the owner of this machine does not let the command channel record: " +
		"VW_RECORD_DIR has to be set there, or leave file out"}
)

// Admissions is what was prepared for rules, by id. Apply takes it over.
type Admissions map[string]admission

// An admission is what a rule may do that is put in force.
type admission struct {
	refused     error            // why a saved rule may not be acted upon any more; it has no link then
	recording   *media.Recording // its file, nil where it has none, or where that goes on
	notRecorded error            // why a saved rule is not recorded
}

// Undo removes the files that were opened.
func (a Admissions) Undo() {
	for _, admitted := range a {
		if admitted.recording != nil {
			_ = admitted.recording.Discard()
		}
	}
}

// Admit says in words why a rule is not acted upon, and opens its file.
func (f *Forwarder) Admit(rule command.Destination) (Admissions, error) {
	if err := f.allowed(rule); err != nil {
		return nil, err
	}
	if rule.Credential != "" && !rule.TokenFile() && f.Dialer.Credentials == "" {
		return nil, errNoCredentials
	}
	recording, err := f.openFile(rule)
	if err != nil {
		return nil, err
	}
	return Admissions{rule.ID: {recording: recording}}, nil
}

// AdmitSaved lets rules in that were in force before a restart: one that may not
// be acted upon any more stays, and has no link; one whose file cannot be had is
// not recorded, but is sent.
func (f *Forwarder) AdmitSaved(rules map[string]command.Destination) Admissions {
	admitted := Admissions{}
	for id, rule := range rules {
		a := admission{refused: f.allowed(rule)}
		if a.refused == nil {
			a.recording, a.notRecorded = f.openFile(rule)
		}
		admitted[id] = a
	}
	return admitted
}

func (f *Forwarder) allowed(rule command.Destination) error {
	if rule.Destination == "" {
		return nil // it has a file alone
	}
	return f.Dialer.Policy.Check(target(rule))
}

func target(r command.Destination) link.Target {
	return link.Target{URL: r.Destination, Token: r.Token, Credential: r.Credential, Auth: r.Auth, Local: r.Local}
}

// openFile opens the file of a rule that is to be in force; nil where it has
// none, or where the recording goes on.
func (f *Forwarder) openFile(rule command.Destination) (*media.Recording, error) {
	if rule.File == "" {
		return nil, nil
	}
	if f.LocalOnly && !rule.Local {
		return nil, errLocalOnly
	}
	f.mu.Lock()
	d, ended := f.destinations[rule.ID], f.ended
	f.mu.Unlock()
	if ended {
		return nil, errEnded
	}
	if d != nil && d.goesOn(rule) && d.recordsTo(rule.File) {
		return nil, nil
	}
	recording, err := f.open(rule.File)
	if err != nil {
		return nil, &command.Error{Kind: command.Invalid, Field: "file", Why: fmt.Sprintf("file %q: %v", rule.File, err)}
	}
	return recording, nil
}

// open opens a file. One that comes too late it throws away, and until then it
// opens no other.
func (f *Forwarder) open(file string) (*media.Recording, error) {
	select {
	case f.opening <- struct{}{}:
	default:
		return nil, errHangs
	}
	type result struct {
		recording *media.Recording
		err       error
	}
	opened, late := make(chan result), make(chan struct{})
	go func() {
		recording, err := f.Folder.Record(file)
		<-f.opening
		select {
		case opened <- result{recording, err}:
		case <-late:
			if recording != nil {
				_ = recording.Discard()
			}
		}
	}()
	timer := time.NewTimer(openTimeout)
	defer timer.Stop()
	select {
	case r := <-opened:
		return r.recording, r.err
	case <-timer.C:
		close(late)
		return nil, errHangs
	}
}
