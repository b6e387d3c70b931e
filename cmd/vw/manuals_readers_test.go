//go:build unix

package main_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"vw/testrelay"
)

// Three kinds of reader, to whom README.md was given, find their way and do what
// they read. Each line of testdata/readers is a step:
//
//   - read: the section of that heading, of the page that is open or of README.md;
//   - follow: a link of that text, from anything that was read so far; where it
//     leads is read;
//   - find: these words are in what is being read;
//   - run: these words are in it as code, and the command ends well;
//   - arrives: the relays of these names get the lab.
//
// What is read is done, block by block. Together they do all that the manuals show.
func TestThreeReadersFindTheirWay(t *testing.T) {
	ways, err := filepath.Glob("testdata/readers/*.txt")
	if err != nil || len(ways) != 3 {
		t.Fatal(ways, err)
	}
	var mu sync.Mutex
	done := map[string]bool{} // texts of blocks
	t.Run("ways", func(t *testing.T) {
		for _, way := range ways {
			t.Run(strings.TrimSuffix(filepath.Base(way), ".txt"), func(t *testing.T) {
				t.Parallel()
				w := &walk{reader: newReader(t, document(t, readme)), page: readme}
				for i, line := range strings.Split(strings.TrimSpace(document(t, way)), "\n") {
					if line[0] == '#' {
						continue
					}
					if w.step(line); t.Failed() {
						t.Fatalf("%s:%d: %s", way, i+1, line)
					}
				}
				w.end()
				mu.Lock()
				defer mu.Unlock()
				for _, b := range w.done {
					done[strings.Join(b.lines, "\n")] = true
				}
			})
		}
	})
	for _, b := range blocks(t, document(t, manuals...)) {
		if b.kind != "text" && b.kind != "py" && !done[strings.Join(b.lines, "\n")] {
			t.Errorf("no reader does %v: %s", b, b.lines[0])
		}
	}
}

const readme = "../../README.md"

// A walk is a reader on their way.
type walk struct {
	*reader
	page string            // that is open
	text string            // that is being read
	seen map[string]string // where links lead, by their text
	done []block
}

var link = regexp.MustCompile(`\[([^\]]+)\]\(([^)\s]+)\)`)

func (w *walk) step(line string) {
	w.Helper()
	verb, what, _ := strings.Cut(line, " ")
	switch verb {
	case "read":
		if text := section(document(w.T, w.page), what); text != "" {
			w.read(text)
		} else {
			w.page = readme
			w.read(section(document(w.T, readme), what))
		}
	case "follow":
		w.follow(what)
	case "find":
		if !strings.Contains(w.text, what) {
			w.Errorf("%q is not in\n%s", what, w.text)
		}
	case "run":
		if !strings.Contains(w.text, "`"+what+"`") && !strings.Contains(w.text, "`"+strings.Join(strings.Fields(what)[:2], " ")+"`") {
			w.Errorf("%q is no code in\n%s", what, w.text)
		}
		w.run(what)
	case "arrives":
		for name := range strings.FieldsSeq(what) {
			w.arrives(name)
		}
	default:
		w.Errorf("nobody knows how to %s", verb)
	}
}

func (w *walk) follow(text string) {
	w.Helper()
	target := w.seen[text]
	path, anchor, _ := strings.Cut(target, "#")
	if target == "" {
		w.Errorf("no link of that text was read so far: %q", w.seen)
		return
	}
	w.page = path
	page := document(w.T, path)
	if anchor == "" {
		text, _, _ = strings.Cut(page, "\n## ")
		w.read(text)
		return
	}
	for _, heading := range mdHeading.FindAllStringSubmatch(page, -1) {
		if anchors(heading[0])[anchor] {
			w.read(section(page, heading[1]))
			return
		}
	}
	w.Errorf("%s has no heading for #%s", path, anchor)
}

// read takes a section in, and does what it shows. The table of README.md's end is
// always at hand.
func (w *walk) read(text string) {
	w.Helper()
	if text == "" {
		w.Error("there is nothing to read")
	}
	w.text = text
	if w.seen == nil {
		w.seen = map[string]string{}
		w.links(readme, section(document(w.T, readme), "Read on"))
	}
	w.links(w.page, text)
	all := blocks(w.T, text)
	for i := 0; i < len(all); i++ {
		switch b := all[i]; b.kind {
		case "console":
			for _, e := range b.shell(w.T) {
				w.shell(b, e)
				w.settle()
			}
		case "websocat":
			n := 1 // neighbours are terminals that are open at the same time
			for i+n < len(all) && all[i+n].kind == "websocat" && w.neighbours(text, all[i+n-1], all[i+n]) {
				n++
			}
			w.websocat(all[i : i+n])
			w.settle()
			w.done = append(w.done, all[i+1:i+n]...)
			i += n - 1
		case "go", "python":
			w.hangUp()
			w.program(b)
		case "text", "nginx", "caddy", "py": // cmd/testrelay's tests run these two, and those of brokers the last
		default:
			w.Errorf("%v: nothing runs blocks of this kind: mark it text if nothing can", b)
		}
	}
	w.done = append(w.done, all...)
}

func (w *walk) links(page, text string) {
	for _, l := range link.FindAllStringSubmatch(text, -1) {
		if target := l[2]; strings.HasPrefix(target, "#") {
			w.seen[l[1]] = page + target
		} else if !strings.Contains(target, "://") {
			w.seen[l[1]] = filepath.Join(filepath.Dir(page), target)
		}
	}
}

// section is what stands under a heading, up to the next of its order, "" if there
// is none.
func section(page, heading string) string {
	order, fenced := 0, false
	var text strings.Builder
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		marks, words, is := strings.Cut(line, " ")
		is = is && !fenced && marks != "" && strings.Trim(marks, "#") == ""
		switch {
		case is && order > 0 && len(marks) <= order:
			return text.String()
		case is && order == 0 && strings.TrimSpace(words) == heading:
			order = len(marks)
		case order > 0:
			text.WriteString(line)
		}
	}
	return text.String()
}

// run runs a command that is mentioned in the text. The exit code of vw status is
// for scripts.
func (w *walk) run(line string) {
	w.Helper()
	dir := w.dir
	if strings.HasPrefix(line, "go ") {
		dir = repository(w.T)
	}
	p := begin(w.T, dir, w.environ, "bash", "-c", w.replace.Replace(line))
	if code := p.ended(w.T, patience); code != 0 && line != "vw status" || p.out.String() == "" {
		w.Errorf("%s ended with code %d and printed\n%s%s", line, code, &p.out, &p.err)
	}
}

func (w *walk) arrives(name string) {
	w.Helper()
	eventually(w.T, name+".example gets the lab", func() bool {
		return slices.ContainsFunc(w.relays[name].Visits("/in/lab"), func(v testrelay.Visit) bool { return v.Bytes > 0 })
	})
}

func (w *walk) end() {
	w.Helper()
	if w.agent == nil {
		w.Fatal("nothing that was read starts the agent")
	}
	w.arrives("relay")
	w.agent.signal(syscall.SIGTERM)
	if code := w.agent.ended(w.T, prompt); code != 0 {
		w.Errorf("the agent ended with code %d", code)
	}
	if strings.Contains(fmt.Sprint(&w.agent.err), relayToken) {
		w.Errorf("a token is in the log:\n%s", &w.agent.err)
	}
}
