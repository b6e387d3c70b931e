package agent_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"vw/agent"
)

// A life is one run of the agent's program on the files of a folder, until it is
// stopped or killed.
type life struct {
	world  *world
	home   *site
	folder string
	begun  time.Time
	halt   func() // returns when nothing of it is left

	mu     sync.Mutex
	writes int // of the state that it still begins: in the last it is killed; 0: it is not
	how    death
	killed bool
	left   map[string][]byte // its files, as it left them
}

// A death is where in a write of the state an agent is killed.
type death int

const (
	before death = iota // nothing of it is written
	within              // a part is, of a file that is not the state yet
	behind              // all is, and nothing of what was to come after it has happened
)

// start starts the agent on the files of its last life.
func (w *world) start(files map[string][]byte) {
	w.lives++
	l := &life{world: w, home: w.network.settle(simHome), folder: filepath.Join(w.folder, fmt.Sprint(w.lives)), begun: time.Now()}
	w.life = l
	err := os.Mkdir(l.folder, 0o700)
	for name, data := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join(l.folder, name), data, 0o600)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	config := agent.OnDisk(agent.Config{Name: "agent", API: "ws://" + simRelays[0] + "/bi/{name}", Trial: simTrial,
		State: filepath.Join(l.folder, "state"), Log: slog.New(slog.NewTextHandler(w.log, nil))}, l.disk)
	a, err := agent.NewOn(config, []net.Listener{l.home, &site{address: "[::1]:8888", closed: make(chan struct{})}}, l.dial)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	l.halt = func() {
		cancel()
		if err := <-ended; err != nil {
			w.fault("run: %v", err)
		}
	}
	_ = os.RemoveAll(filepath.Join(w.folder, fmt.Sprint(w.lives-1)))
	w.sleep(time.Second)
}

// dial dials for the agent, while it lives.
func (l *life) dial(ctx context.Context, _, address string) (net.Conn, error) {
	if l.dead() {
		return nil, errRefused
	}
	c, err := l.world.network.dial(ctx, address, l.world.customs.tap(address))
	if err == nil && l.dead() {
		c.Close()
		return nil, errRefused
	}
	return c, err
}

func (l *life) dead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.killed
}

// disk is called before the state is written. It is slow where the agent is to be
// killed, so that a reply that does not wait for it is seen.
func (l *life) disk() {
	if l.doomed() {
		time.Sleep(100 * time.Millisecond)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writes == 0 {
		return
	}
	if l.writes--; l.writes == 0 {
		l.die()
	}
}

// arm has it killed in one of the next writes of its state.
func (l *life) arm(writes int, how death) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes, l.how = writes, how
}

// kill kills it, if it still lives.
func (l *life) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.killed {
		l.how = before
		l.die()
	}
}

// die has nothing that it does from now on be seen by anybody. Its goroutines go on
// until it is halted. The caller holds the lock.
func (l *life) die() {
	l.killed, l.writes = true, 0
	for _, address := range simSites {
		l.world.network.at(address).reset()
	}
	l.home.sever()
	if l.how == behind {
		time.AfterFunc(time.Millisecond, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.left = l.files()
		})
		return
	}
	l.left = l.files()
	if state := l.left["state"]; l.how == within && len(state) > 0 {
		l.left["state.new-123456789"] = state[:len(state)/2]
	}
}

// doomed reports whether it is dead, or may die in any write.
func (l *life) doomed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.killed || l.writes > 0
}

// remains are the files of one that was killed.
func (l *life) remains() map[string][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.left
}

// files are those of its folder.
func (l *life) files() map[string][]byte {
	all := map[string][]byte{}
	entries, err := os.ReadDir(l.folder)
	for _, e := range entries {
		if strings.Contains(e.Name(), ".new-") {
			continue // a write goes on
		}
		if all[e.Name()], err = os.ReadFile(filepath.Join(l.folder, e.Name())); err != nil {
			break
		}
	}
	if err != nil {
		l.world.fault("read the files of the agent: %v", err)
	}
	return all
}

// restart stops the agent as its owner does, and starts it again. It stands as it did.
func (w *world) restart() {
	w.tell("the agent is stopped, and started again")
	w.count["restarts"]++
	w.life.halt()
	w.customs.mu.Lock()
	w.former = map[string]former{}
	w.become(w.model.takenBack())
	w.customs.mu.Unlock()
	w.unsure = true
	w.start(w.life.files())
	w.agrees()
}

// killAgent kills the agent in a write of its state, during a command perhaps, and starts
// it again from what is left.
func (w *world) killAgent() {
	writes, how := 1+w.random.IntN(3), death(w.random.IntN(3))
	w.life.arm(writes, how)
	w.tell("the agent will be killed %s write %d", [...]string{"before", "within", "behind"}[how], writes)
	o := draw(w.random, w.model)
	w.perform(o)
	w.sleep(time.Duration(w.random.IntN(4000)) * time.Millisecond)
	w.life.kill()
	w.sleep(time.Second)
	w.tell("the agent was killed, and is started again")
	w.count["kills"]++
	a, b := w.model.takenBack(), w.model.takenBack()
	if w.lost != nil {
		b = w.lost.takenBack()
		w.lost = nil
	}
	w.permit(a, b)
	w.life.halt()
	w.unsure = true
	w.former = map[string]former{}
	w.start(w.life.remains())
	w.resolve(a, b)
}
