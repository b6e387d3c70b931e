// Mutate breaks the program at one place at a time, and says which of these
// breaks the tests do not notice. The places are drawn, the same for the same
// seed, from the parts on which the promises rest. No file is changed: the
// compiler is given the broken one in its place.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A part is code, and the tests that are to notice what is broken there: those
// that are quick, and first those of the package.
type part struct {
	name  string
	files []string // patterns
	tests [][]string

	places []place
	limits []time.Duration // how long each of tests may take
}

// slow are tests that take long: of all codings that ffmpeg has, and in a browser.
const slow = "TestOfNoCodingThatFFmpegKnowsDoesAMutedPartLeave|TestBrowser"

// simulation is of all of it.
var simulation = []string{"./agent", "-run", "TestSimulation$", "-seed", "1", "-hours", "20"}

var parts = []part{
	{"packet path", []string{
		"media/chunk.go", "media/direct.go", "media/discontinuity.go", "media/fanout.go", "media/feed.go", "media/fifo.go", "media/post.go",
		"media/queue.go", "media/reader.go", "media/start.go", "media/stream.go", "media/subscriber.go",
		"media/mpegts/*.go", "media/program/*.go",
	}, [][]string{{"-skip", slow, "./media", "./media/mpegts", "./media/program"}}, nil, nil},
	{"mute", []string{
		"media/mute.go", "media/change.go", "media/pendingwrites.go", "media/onair.go", "agent/owner/mute.go", "agent/owner/mutefile.go", "agent/owner/owner.go", "agent/owner/window.go", "agent/owner/token.go",
	}, [][]string{{"-skip", slow, "./media", "./agent/owner"}, {"./agent", "-skip", slow, "-run", "Mute|Owner|Lock|OnAir"}, simulation}, nil, nil},
	{"trial", []string{
		"agent/channel/endpoint.go", "agent/channel/fallback.go", "agent/channel/trial.go", "agent/channel/twins.go", "command/confirm.go",
	}, [][]string{{"./command"}, {"./agent", "-skip", slow, "-run", "Trial|Endpoint|Channel|Mistyped|Command|Confirm|Table|Links"}, simulation}, nil, nil},
	{"policy", []string{
		"agent/link/address.go", "agent/link/policy.go", "agent/link/target.go", "agent/link/credential.go", "agent/forward/admission.go", "command/destination.go",
	}, [][]string{{"./agent/link", "./command"}, {"./agent", "-skip", slow, "-run", "Dialled|Token|Credential|Allowed|Rules|Machine|Address|Place|Record|Saved"}}, nil, nil},
	{"state", []string{
		"agent/state/*.go", "media/saved.go", "media/keep.go",
	}, [][]string{{"-skip", slow, "./media", "./agent/state"}, {"./agent", "-skip", slow, "-run", "State|Restart|Saved|Outlive|Disk|Killed|Slots"}, simulation}, nil, nil},
}

func main() {
	seed := flag.Uint64("seed", 1, "draws the places")
	count := flag.Int("n", 100, "places, as many of each part")
	from := flag.Int("from", 0, "how many of them are left out, which another run has tried")
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
		if *list {
			continue
		}
		if err := chosen[i].sound(); err != nil {
			stop(err)
		}
	}
	tried, noticed := 0, 0
	var lived []string
	for i := 0; i < *count; i++ { // the parts in turn, so that it can be ended early
		p := &chosen[i%len(chosen)]
		v, b := p.next(*list, i < *from)
		if i < *from {
			continue
		}
		switch fmt.Println(v, b); v.how {
		case lives:
			lived = append(lived, b)
			tried++
		case isNoticed:
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

// next tries places until one of them builds, and is not known to change nothing.
func (p *part) next(list, skip bool) (v verdict, which string) {
	for len(p.places) > 0 {
		b := p.places[0]
		p.places = p.places[1:]
		which = p.name + ": " + b.String()
		if why := b.equivalent(); why != "" {
			fmt.Println("left out", which+":", why)
			continue
		}
		if list {
			return verdict{how: "would be"}, which
		}
		var err error
		if v, err = p.try(b, skip); err != nil {
			stop(err)
		}
		if v.how != noBuild {
			return v, which
		}
	}
	return verdict{how: "no place left"}, p.name
}

// try runs the tests with one place broken, or but builds it.
func (p *part) try(b place, build bool) (v verdict, err error) {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return v, err
	}
	defer os.RemoveAll(dir)
	broken, overlay := filepath.Join(dir, "broken.go"), filepath.Join(dir, "overlay.json")
	whole, err := filepath.Abs(b.file)
	if err != nil {
		return v, err
	}
	if err := os.WriteFile(broken, b.source(), 0o600); err != nil {
		return v, err
	}
	if err := os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace":{%q:%q}}`, whole, broken), 0o600); err != nil {
		return v, err
	}
	if out, err := exec.Command("go", "build", "-overlay="+overlay, "./"+filepath.Dir(b.file)).CombinedOutput(); err != nil {
		if len(out) == 0 {
			return v, err
		}
		return verdict{how: noBuild}, nil
	}
	for i, args := range p.tests {
		if build {
			return verdict{how: lives}, nil
		}
		if v = run(p.limits[i], "-overlay="+overlay, args); v.how != lives {
			return v, nil
		}
	}
	return v, nil
}

// sound runs the tests where nothing is broken, which tells how long they may take too.
func (p *part) sound() error {
	for _, args := range p.tests {
		begun := time.Now()
		if v := run(10*time.Minute, "", args); v.how != lives {
			return fmt.Errorf("the tests of the %s fail as it is: go test %q: %v", p.name, args, v)
		}
		took := time.Since(begun)
		fmt.Printf("the tests of the %s succeed as it is, in %v: go test %q\n", p.name, took.Round(time.Second), args)
		p.limits = append(p.limits, 30*time.Second+2*took)
	}
	return nil
}
