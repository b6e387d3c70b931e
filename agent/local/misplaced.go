package local

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"vw/command"
)

// misplacedEvery is the shortest time between two lines of the log about posts to
// one wrong address: what posts there mostly tries again.
const misplacedEvery = time.Minute

// misplaced tells the log of posts to addresses that take none: ffmpeg shows no
// answer.
type misplaced struct {
	mu   sync.Mutex
	path string // that was told last
	at   time.Time
}

// tell logs where a request was posted to, and what to write in its place. A
// program that posts to the API reads the answer.
func (m *misplaced) tell(log *slog.Logger, r *http.Request) {
	path := r.URL.Path
	if r.Method != http.MethodPost && r.Method != http.MethodPut || strings.HasPrefix(path, "/api/") {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if path == m.path && time.Since(m.at) < misplacedEvery {
		return
	}
	m.path, m.at = path, time.Now()
	log.Warn("post to an address that takes none", "path", path, "write", "http://"+r.Host+"/ts/"+likelyFeed(path), "from", r.RemoteAddr)
}

// likelyFeed returns the name of the feed that may be meant by a wrong path.
func likelyFeed(path string) string {
	name := strings.Trim(path, "/ ")
	for _, folder := range []string{"ts", "ws"} {
		if name == folder {
			name = ""
		}
		name = strings.TrimPrefix(name, folder+"/")
	}
	name = strings.Map(func(char rune) rune {
		if _, err := command.FeedName(string(char)); err != nil && char != '/' {
			return '_'
		}
		return char
	}, name)
	if feed, err := command.FeedName(name); err == nil {
		return feed
	}
	return "video0"
}
