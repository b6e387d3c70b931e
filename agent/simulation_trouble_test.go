package agent_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"vw/testrelay"
)

// trouble makes a fault, or ends one.
func (w *world) trouble() {
	address := pick(w.random, simSites)
	w.unsure = true
	m := w.network.at(address)
	if w.troubled[address] && w.random.IntN(2) == 0 {
		w.tell("%s is well again", address)
		w.mend(address, time.Duration(w.random.IntN(40))*time.Millisecond)
		w.calmAt = time.Now()
		return
	}
	switch w.random.IntN(5) {
	case 0, 1:
		w.tell("links to %s are reset", address)
		w.count["fault: reset"] += m.reset()
		w.calmAt = time.Now()
		return
	case 2:
		w.misbehave(address)
	default:
		x := drawWeather(w.random)
		w.tell("%s is %s", address, x.name)
		w.count["fault: "+x.name]++
		m.set(x.weather)
	}
	w.troubled[address], w.calmAt = true, time.Now()
}

// A namedWeather is told of by its name.
type namedWeather struct {
	name string
	weather
}

func drawWeather(r *rand.Rand) namedWeather {
	return pick(r, []namedWeather{
		{"slow", weather{delay: time.Duration(r.IntN(4000)) * time.Millisecond}},
		{"half open", weather{up: true}},
		{"half open the other way", weather{down: true}},
		{"lost", weather{up: true, down: true}},
		{"refused", weather{dial: refused}},
		{"dialled in vain", weather{dial: lost}},
		{"unknown", weather{unknown: true}},
		{"cut in what it is sent", weather{cutUp: 2000}},
		{"cut in what it sends", weather{cutDown: 400}},
	})
}

// misbehave has a relay misbehave at some of its places: the media's, or the command
// channel's.
func (w *world) misbehave(address string) {
	f := w.drawFaults()
	places := []string{"/bi"}
	if address != simDoor && w.random.IntN(4) > 0 {
		places = places[:0]
		for _, place := range simPlaces() {
			if w.random.IntN(2) == 0 {
				places = append(places, place)
			}
		}
	}
	w.tell("%s misbehaves at %v: %+v", address, places, f)
	w.count["fault: relay"]++
	for _, place := range places {
		w.relays[address].SetFaults(place, f)
	}
}

// simPlaces are where destinations lead to at a relay.
func simPlaces() (all []string) {
	for _, id := range simIDs {
		for n := range 2 {
			all = append(all, fmt.Sprintf("/in/d%s.%d", id, n))
		}
	}
	return all
}

// drawFaults draws how a relay misbehaves.
func (w *world) drawFaults() testrelay.Faults {
	upFor := time.Duration(w.random.IntN(20_000)) * time.Millisecond
	wantsToken := []testrelay.Faults{{Refuse: 401}, {Refuse: 403}, {CloseUpgraded: 1008, UpFor: upFor}, {Deny: "who are you", UpFor: upFor}}
	if w.random.IntN(4) == 0 {
		w.tokens = true
		return pick(w.random, wantsToken)
	}
	return pick(w.random, []testrelay.Faults{
		{HangUp: true}, {Delay: time.Duration(w.random.IntN(15_000)) * time.Millisecond}, {Refuse: 503, RetryAfter: "20"}, {Refuse: 404},
		{Refuse: 500}, {Redirect: "ws://" + pick(w.random, simRelays) + pick(w.random, simPlaces())}, {HangUpUpgraded: true, UpFor: upFor},
		{CloseUpgraded: 1001, UpFor: upFor}, {CloseUpgraded: 1013, UpFor: upFor}, {Stall: true}, {Silent: true}, {Swallow: true}, {ReadRate: 300},
	})
}

// mend ends all faults of a relay.
func (w *world) mend(address string, delay time.Duration) {
	w.network.at(address).set(weather{delay: delay})
	w.relays[address].SetFaults("/bi", testrelay.Faults{})
	for _, place := range simPlaces() {
		w.relays[address].SetFaults(place, testrelay.Faults{})
	}
	delete(w.troubled, address)
}

// heal ends all faults.
func (w *world) heal() {
	if len(w.troubled) == 0 {
		return
	}
	for _, address := range simSites {
		w.mend(address, 5*time.Millisecond)
	}
	w.calmAt = time.Now()
}

// recovery is how long all may take to be up again: a media link waits for 5.5 min at most
// where its relay has said that it wants a token, or another one.
func (w *world) recovery() time.Duration {
	if w.tokens {
		return healing + 6*time.Minute
	}
	return healing
}
