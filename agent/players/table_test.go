package players_test

import "time"

const ms = time.Millisecond

// rows are what is done, and the bounds of it. All is as before after each.
var rows = []row{
	{"mute by rule", func(r *room) act {
		return r.away(8*time.Second, func() { r.combine("front.video") }, func() { r.combine(both...) })
	}, bounds{still: 300 * ms, sound: 500 * ms, behind: 500 * ms}, nil},
	{"owner mutes audio", func(r *room) act {
		return r.muted("front.audio")
	}, bounds{still: 300 * ms, sound: 500 * ms, behind: 500 * ms}, nil},
	{"owner mutes camera", func(r *room) act {
		return r.muted("front.video")
	}, bounds{still: 300 * ms, black: 300 * ms, heard: true, behind: 500 * ms}, nil},
	{"owner mutes camera and audio", func(r *room) act {
		return r.muted("front.video", "front.audio")
	}, bounds{still: 300 * ms, black: 300 * ms, sound: 500 * ms, behind: 500 * ms}, nil},
	{"join while muted", func(r *room) act {
		r.closePlayers()
		r.combine("front.video")
		time.Sleep(time.Second)
		r.open(false, "mpegts.js", "mpegts.js chasing", "jsmpeg")
		a := act{begun: time.Now()}
		a.back = a.begun
		r.combine(both...)
		time.Sleep(4 * time.Second)
		return a
	}, bounds{still: 300 * ms, sound: time.Second}, nil},
	{"swap large and small", func(r *room) act {
		s := shoot(r.t, r.agent, "small", small, everything...)
		defer s.stop()
		a := act{begun: time.Now()}
		for i := range 10 {
			r.combine([]string{"small.video", "front.video"}[i%2], "front.audio")
			time.Sleep(1500 * ms)
		}
		a.back = time.Now()
		time.Sleep(2 * time.Second)
		return a
	}, bounds{still: 500 * ms, heard: true, behind: 500 * ms}, []exception{
		{"jsmpeg", "still", time.Minute, "it reads the size of the first picture alone, and takes all for that"},
	}},
	{"front and back", func(r *room) act {
		s := shoot(r.t, r.agent, "back", back, everything...)
		defer s.stop()
		return r.away(2*time.Second, func() { r.combine("back.video", "front.audio") }, func() { r.combine(both...) })
	}, bounds{still: 200 * ms, heard: true, behind: 500 * ms}, nil},
	{"ffmpeg killed", func(r *room) act {
		a := act{begun: time.Now()}
		r.front.stop()
		time.Sleep(3 * time.Second)
		a.back = time.Now()
		r.front = shoot(r.t, r.agent, "front", front, everything...)
		time.Sleep(4 * time.Second)
		return a
	}, bounds{still: 300 * ms, black: 1500 * ms, behind: 500 * ms}, nil},
	{"no feeds", func(r *room) act {
		return r.away(6*time.Second, func() { r.combine() }, func() { r.combine(both...) })
	}, bounds{still: 500 * ms, black: 500 * ms, sound: 500 * ms, behind: 500 * ms}, nil},
	{"agent killed", func(r *room) act {
		a := act{begun: time.Now()}
		r.agent.kill()
		time.Sleep(time.Second)
		r.agent.start()
		a.back = time.Now()
		r.front.stop() // it has gone when the agent had
		r.front = shoot(r.t, r.agent, "front", front, everything...)
		time.Sleep(6 * time.Second)
		return a
	}, bounds{still: 3 * time.Second, behind: time.Second}, []exception{
		{"mpegts.js", "further behind", 1500 * ms, "it plays the pause for as long as it was: what does not chase the present stays behind by it"},
	}},
}

var both = []string{"front.video", "front.audio"}

// away does something, undoes it after a time, and waits until that has been seen.
func (r *room) away(d time.Duration, do, undo func()) act {
	a := act{begun: time.Now()}
	do()
	time.Sleep(d)
	a.back = time.Now()
	undo()
	time.Sleep(3 * time.Second)
	return a
}

func (r *room) muted(feeds ...string) act {
	return r.away(8*time.Second, func() { r.mute(feeds...) }, func() { r.unmute(feeds...) })
}
