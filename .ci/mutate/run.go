package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A verdict is what tests say of a break.
type verdict struct {
	how string
	by  string        // the tests that failed
	in  time.Duration // that it took
}

const (
	lives     = "LIVES"
	isNoticed = "noticed"
	noBuild   = "no build"
)

func (v verdict) String() string {
	s := v.how
	if v.by != "" {
		s += " by " + v.by
	}
	if v.in > 0 {
		s += fmt.Sprintf(" in %v", v.in.Round(time.Second))
	}
	return s
}

var (
	failed  = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)
	hanging = regexp.MustCompile(`(?m)^\t(Test\w+) \(`) // of the list of those that ran
	crashed = regexp.MustCompile(`(?m)^(panic: .*|fatal error: .*)`)
)

// run runs tests. Those that fail on a machine that is busy notice nothing: what fails has
// to fail again, alone, and is left out where it does not.
func run(limit time.Duration, overlay string, args []string) (v verdict) {
	begun := time.Now()
	defer func() { v.in = time.Since(begun) }()
	var doubtful []string
	for {
		skip := args
		if len(doubtful) > 0 {
			skip = append(without(args, "-skip"), "-skip", strings.Join(append(doubtful, slow), "|"))
		}
		out, ok := goTest(limit, overlay, skip)
		if ok {
			return verdict{how: lives}
		}
		if strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]") {
			return verdict{how: noBuild}
		}
		names := namesOf(out)
		crash := crashed.FindString(out)
		if len(names) == 0 || crash != "" && !strings.Contains(crash, "timed out") {
			return verdict{how: isNoticed, by: strings.TrimSpace(strings.Join(names, " ") + " " + crash)}
		}
		only := append(without(without(args, "-skip"), "-run"), "-run", "^("+strings.Join(names, "|")+")$")
		if _, ok := goTest(min(limit, time.Minute), overlay, only); !ok {
			return verdict{how: isNoticed, by: strings.TrimSpace(strings.Join(names, " ") + " " + crash)}
		}
		fmt.Println("  succeeds when it is run again:", strings.Join(names, " "))
		doubtful = append(doubtful, names...)
	}
}

// goTest returns what go test says, and whether all succeeded.
func goTest(limit time.Duration, overlay string, args []string) (said string, ok bool) {
	all := []string{"test", "-vet=off", "-count=1", "-failfast", "-timeout=" + limit.String()}
	if overlay != "" {
		all = append(all, overlay)
	}
	out, err := exec.Command("go", append(all, args...)...).CombinedOutput()
	return string(out), err == nil
}

// namesOf are the tests that failed, or ran when there was no time left.
func namesOf(out string) (names []string) {
	found := failed.FindAllStringSubmatch(out, -1)
	if strings.Contains(out, "panic: test timed out") {
		found = append(found, hanging.FindAllStringSubmatch(out, -1)...)
	}
	for _, f := range found {
		names = append(names, f[1])
	}
	return names
}

// without leaves a flag out, and its value.
func without(args []string, flag string) (rest []string) {
	for i := 0; i < len(args); i++ {
		if args[i] == flag {
			i++
			continue
		}
		rest = append(rest, args[i])
	}
	return rest
}

// equivalents are breaks that change nothing that anybody could see, and why. A place is known by its file, the
// line that it is on, and what stands there instead.
var equivalents = []struct{ file, line, instead, why string }{
	{"agent/owner/owner.go", "full := false", "true", "it is set before it is read"},
	{"media/pendingwrites.go", "p.splices = nil", "", "what has ended ends once more, and is not waited for"},
}

// equivalent says why a break is none.
func (p place) equivalent() string {
	for _, e := range equivalents {
		if e.file == filepath.ToSlash(p.file) && e.instead == p.instead && strings.Contains(p.whole(), e.line) {
			return e.why
		}
	}
	return ""
}
