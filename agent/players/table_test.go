package players_test

import (
	"time"
)

func (r *room) rule(back []string, feeds ...string) act {
	a := act{begun: time.Now()}
	r.combine(feeds...)
	time.Sleep(8 * time.Second)
	a.back = time.Now()
	r.combine(back...)
	time.Sleep(4 * time.Second)
	return a
}

func (r *room) muted(feeds ...string) act {
	a := act{begun: time.Now()}
	r.mute(feeds...)
	time.Sleep(8 * time.Second)
	a.back = time.Now()
	r.unmute(feeds...)
	time.Sleep(4 * time.Second)
	return a
}

const ms = time.Millisecond

var both = []string{"front.video", "front.audio"}

// rows are what is done, and the bounds of it.
var rows = []row{
	{"mute by rule", both, func(r *room) act {
		r.open(true)
		return r.rule(both, "front.video")
	}, bounds{still: 300 * ms, sound: 500 * ms, behind: 500 * ms}},
	{"owner mutes audio", nil, func(r *room) act {
		r.own(r.agent)
		return r.muted(r.name + ".audio")
	}, bounds{still: 300 * ms, sound: 500 * ms, behind: 500 * ms}},
	{"owner mutes video", nil, func(r *room) act {
		r.own(r.agent)
		return r.muted(r.name + ".video")
	}, bounds{still: 300 * ms, black: 300 * ms, heard: true, behind: 500 * ms}},
	{"owner mutes camera", nil, func(r *room) act {
		r.own(r.agent)
		return r.muted(r.name+".video", r.name+".audio")
	}, bounds{still: 300 * ms, black: 300 * ms, sound: 500 * ms, behind: 500 * ms}},
	{"join while muted", both, func(r *room) act {
		time.Sleep(time.Second)
		r.combine("front.video")
		time.Sleep(time.Second)
		r.open(false)
		a := act{begun: time.Now()}
		a.back = a.begun
		r.combine(both...)
		time.Sleep(4 * time.Second)
		return a
	}, bounds{still: 300 * ms, sound: time.Second}},
	{"swap large and small", both, func(r *room) act {
		shoot(r.t, r.agent.url, "small", small)
		r.open(true)
		a := act{begun: time.Now()}
		for i := range 10 {
			r.combine([]string{"small.video", "front.video"}[i%2], "front.audio")
			time.Sleep(1500 * time.Millisecond)
		}
		a.back = time.Now()
		time.Sleep(3 * time.Second)
		return a
	}, bounds{still: 500 * ms, heard: true, behind: 500 * ms}},
	{"front and back", both, func(r *room) act {
		shoot(r.t, r.agent.url, "back", back)
		r.open(true)
		a := act{begun: time.Now()}
		a.back = a.begun
		r.combine("back.video", "front.audio")
		time.Sleep(3 * time.Second)
		return a
	}, bounds{still: 200 * ms, heard: true, behind: 500 * ms}},
	{"ffmpeg killed", nil, func(r *room) act {
		s := r.own(r.agent)
		a := act{begun: time.Now()}
		s.stop()
		time.Sleep(3 * time.Second)
		a.back = time.Now()
		shoot(r.t, r.agent.url, r.name, front)
		time.Sleep(5 * time.Second)
		return a
	}, bounds{still: 300 * ms, black: 1500 * ms, behind: 500 * ms}},
	{"no feeds", both, func(r *room) act {
		r.open(true)
		a := act{begun: time.Now()}
		r.combine()
		time.Sleep(6 * time.Second)
		a.back = time.Now()
		r.combine(both...)
		time.Sleep(4 * time.Second)
		return a
	}, bounds{still: 500 * ms, black: 500 * ms, sound: 500 * ms, behind: 500 * ms}},
	{"agent killed", nil, func(r *room) act {
		mine := launch(r.t)
		for _, codec := range []string{"h264", "mpeg1"} { // these topics are this agent's
			r.agent.request("DELETE", "/api/destinations/"+r.name+"."+codec, nil)
			mine.route(r.name+"."+codec, r.relay.URL()+"/in/"+r.name+"."+codec)
		}
		other := r.agent
		r.agent = mine
		s := r.own(mine)
		a := act{begun: time.Now()}
		mine.kill()
		time.Sleep(time.Second)
		mine.start()
		a.back = time.Now()
		s.stop() // it has gone when the agent had
		time.Sleep(500 * time.Millisecond)
		shoot(r.t, mine.url, r.name, front)
		time.Sleep(7 * time.Second)
		r.agent = other
		return a
	}, bounds{still: 3 * time.Second, behind: time.Second}},
}

// own starts a camera of the room's own, and opens the players.
func (r *room) own(a *agent) *source {
	s := shoot(r.t, a.url, r.name, front)
	r.combine(r.name+".video", r.name+".audio")
	r.open(true)
	return s
}

// play1 opens the first player alone.
func (r *room) play1() { r.openOnly(true, "mpegts.js") }
