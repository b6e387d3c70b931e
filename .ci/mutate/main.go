// Mutate breaks the program at one place at a time, and says which of these
// breaks the tests do not notice. The places are drawn, the same for the same
// seed, from the parts on which the promises rest. No file is changed: the
// compiler is given the broken one in its place.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A part is code, and the tests that are to notice what is broken there: those
// that are quick.
type part struct {
	name  string
	files []string // patterns
	tests [][]string

	places []place
}

var parts = []part{
	{"packet path", []string{
		"media/chunk.go", "media/direct.go", "media/discontinuity.go", "media/fanout.go", "media/feed.go", "media/fifo.go", "media/post.go",
		"media/queue.go", "media/reader.go", "media/start.go", "media/stream.go", "media/subscriber.go",
		"media/mpegts/*.go", "media/program/*.go",
	}, [][]string{{"./media", "./media/mpegts", "./media/program"}}, nil},
	{"mute", []string{
		"media/mute.go", "media/change.go", "media/pendingwrites.go", "media/onair.go", "agent/owner/mute.go", "agent/owner/mutefile.go", "agent/owner/owner.go", "agent/owner/window.go", "agent/owner/token.go",
	}, [][]string{{"./media", "./agent/owner"}, {"./agent", "-run", "Mute|Owner|Lock|OnAir"}}, nil},
	{"trial", []string{
		"agent/channel/endpoint.go", "agent/channel/fallback.go", "agent/channel/trial.go", "agent/channel/twins.go", "command/confirm.go",
	}, [][]string{{"./command"}, {"./agent", "-run", "Trial|Endpoint|Channel|Mistyped|Commanded|Confirm|Table"}}, nil},
	{"policy", []string{
		"agent/link/address.go", "agent/link/policy.go", "agent/link/target.go", "agent/link/credential.go", "agent/forward/admission.go", "command/destination.go",
	}, [][]string{{"./agent/link", "./command"}, {"./agent", "-run", "Dialled|Token|Credential|Allowed|Rules|Machine|Address|Place"}}, nil},
	{"state", []string{
		"agent/state/*.go", "media/saved.go", "media/keep.go",
	}, [][]string{{"./media"}, {"./agent", "-run", "State|Restart|Saved|Outlive|Disk|Killed|Slots"}}, nil},
}

// limit is how long the tests of one broken place may take: an endless loop is
// noticed too.
const limit = 6 * time.Minute

func main() {
	seed := flag.Uint64("seed", 1, "draws the places")
	count := flag.Int("n", 100, "places, as many of each part")
	only := flag.String("part", "", "of this part alone")
	least := flag.Int("least", 95, "how many of a hundred have to be noticed")
	list := flag.Bool("list", false, "says what would be broken, and breaks nothing")
	flag.Parse()
	chosen := parts
	if *only != "" {
		chosen = nil
		for _, p := range parts {
			if p.name == *only {
				chosen = append(chosen, p)
			}
		}
	}
	for i := range chosen {
		if err := chosen[i].draw(*seed); err != nil {
			stop(err)
		}
		if !*list && !chosen[i].sound() {
			stop(fmt.Errorf("the tests of the %s fail as it is: go test %q", chosen[i].name, chosen[i].tests))
		}
	}
	tried, noticed := 0, 0
	var lived []string
	for i := 0; i < *count; i++ { // the parts in turn, so that it can be ended early
		p := &chosen[i%len(chosen)]
		how, b := p.next(*list)
		switch fmt.Println(how, b); how {
		case "LIVES":
			lived = append(lived, b)
			tried++
		case "noticed":
			noticed++
			tried++
		}
	}
	if *list {
		return
	}
	fmt.Printf("\n%d of %d were noticed\n", noticed, tried)
	for _, l := range lived {
		fmt.Println("not noticed:", l)
	}
	if 100*noticed < *least*tried {
		os.Exit(1)
	}
}

func stop(err error) {
	fmt.Fprintln(os.Stderr, "mutate:", err)
	os.Exit(2)
}

// draw puts the places of a part in an order.
func (p *part) draw(seed uint64) (err error) {
	p.places, err = p.breaks()
	random := rand.New(rand.NewPCG(seed, 0))
	random.Shuffle(len(p.places), func(i, j int) { p.places[i], p.places[j] = p.places[j], p.places[i] })
	return err
}

// next tries places until one of them builds.
func (p *part) next(list bool) (how, which string) {
	for len(p.places) > 0 {
		b := p.places[0]
		p.places = p.places[1:]
		how := "would be"
		if !list {
			var err error
			if how, err = p.try(b); err != nil {
				stop(err)
			}
		}
		if how != "no build" {
			return how, p.name + ": " + b.String()
		}
	}
	return "no place left", p.name
}

// try runs the tests with one place broken.
func (p part) try(b place) (how string, err error) {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	broken, overlay := filepath.Join(dir, "broken.go"), filepath.Join(dir, "overlay.json")
	whole, err := filepath.Abs(b.file)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(broken, b.source(), 0o600); err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace":{%q:%q}}`, whole, broken), 0o600); err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "build", "-overlay="+overlay, "./"+filepath.Dir(b.file)).CombinedOutput(); err != nil {
		return "no build", nilUnless(len(out) == 0, err)
	}
	return p.run("-overlay=" + overlay)
}

// sound says that the tests succeed where nothing is broken.
func (p part) sound() bool {
	how, err := p.run()
	return err == nil && how == "LIVES"
}

// run says what the tests notice.
func (p part) run(flags ...string) (how string, err error) {
	for _, args := range p.tests {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		all := append([]string{"test", "-vet=off", "-count=1", "-failfast", "-timeout=5m"}, flags...)
		cmd := exec.CommandContext(ctx, "go", append(all, args...)...)
		cmd.WaitDelay = time.Second
		out, err := cmd.CombinedOutput()
		switch {
		case err == nil:
			continue
		case strings.Contains(string(out), "[build failed]"), strings.Contains(string(out), "[setup failed]"):
			return "no build", nil
		}
		return "noticed", nil
	}
	return "LIVES", nil
}

func nilUnless(bad bool, err error) error {
	if bad {
		return err
	}
	return nil
}
