package agent_test

import (
	"encoding/json"
	"slices"
	"time"
)

const (
	// simDoor is a relay that wants a token. The command channel alone leads there.
	simDoor  = "127.0.0.4:84"
	simToken = "simulated"
)

// simSites are all relays.
var simSites = append(slices.Clone(simRelays), simDoor)

// moves are of the command channel.
type moves struct {
	rule     string // the address of the endpoint in force
	formerly string // that of the one before, "" for none
	unsure   bool   // commands may be taken at another endpoint than last
	shown    string // how the relay of the rule in force is shown the token
	showed   string // how that of the one before was
}

// channelRule is the rule of an endpoint.
func channelRule(address, auth, token string) map[string]any {
	rule := map[string]any{"id": "apiRule", "stream": "api", "destination": "ws://" + address + "/bi/agent"}
	if address == simDoor {
		rule["token"], rule["auth"] = token, auth
		if auth == "access" {
			rule["destination"] = "http://" + address + "/bi/agent"
		}
	}
	return rule
}

// locate finds out where commands are taken. Where the endpoint in force cannot be reached
// for as long as a trial lasts the others are dialled that are known, and the first is kept.
func (w *world) locate() {
	known := []string{w.rule}
	for _, a := range []string{w.formerly, simRelays[0]} {
		if a != "" && !slices.Contains(known, a) {
			known = append(known, a)
		}
	}
	if !w.unsure {
		return
	}
	for _, a := range known {
		if len(known) == 1 || w.takes(a) {
			w.channel, w.unsure = a, !w.calm() // what goes on may drive it on
			return
		}
	}
	if w.calm() && !w.life.doomed() {
		w.fault("commands are taken at none of %v", known)
	}
	w.channel = w.rule
}

// takes reports whether commands are taken at an address, and notes where they are twice.
func (w *world) takes(address string) bool {
	w.refs++
	replies := w.replies(address, map[string]any{"verb": "healthcheck"}, 2, 5*time.Second)
	if len(replies) > 1 {
		w.fault("%d replies to a command at %s", len(replies), address)
	}
	return len(replies) > 0
}

// move has the command channel go to another endpoint. That stays where a command comes in
// there, or where the one before cannot be reached for as long as a trial lasts.
func (w *world) move() {
	if w.model.before != nil {
		return
	}
	w.tell("the command channel is to move")
	w.heal()
	w.sleep(healing)
	w.locate()
	to := pick(w.random, slices.DeleteFunc(slices.Clone(simSites), func(a string) bool { return a == w.rule && a != simDoor }))
	auth, token, way := pick(w.random, []string{"bearer", "message", "access"}), simToken, w.random.IntN(8)
	if to == w.channel { // it is dialled there already: what comes in there comes in twice, perhaps
		way = 0
	}
	if to == w.rule && auth == w.shown {
		return
	}
	there := w.showed
	if to == w.rule {
		there = w.shown
	}
	if to == simDoor && to == w.channel && (auth == "access") != (there == "access") {
		return // nobody can tell that an access relay leads to the same topic
	}
	if way == 7 && to == simDoor {
		token = "another"
	}
	if !w.admitted(channelRule(to, auth, token)) {
		return
	}
	w.sleep(time.Duration(2000+w.random.IntN(40_000)) * time.Millisecond)
	from := w.channel
	moved := false
	switch way {
	case 0, 1: // somebody commands it there
		moved = true
		if !w.takes(to) {
			w.fault("no command is taken at %s, where the command channel is to move", to)
		}
	case 2: // the endpoint in force is named again
		w.admitted(channelRule(w.rule, w.shown, simToken))
	case 3: // the endpoint in force is gone
		moved = from == w.rule
		w.tell("%s refuses everybody", from)
		w.network.at(from).set(weather{dial: refused})
		w.network.at(from).reset()
		w.troubled[from] = true
		w.sleep(simTrial + 15*time.Second)
		if !moved { // and has not been there before
			w.unsure = true
		}
	case 4:
		w.restart()
	default: // nobody knows of it
		w.sleep(simTrial + 5*time.Second)
	}
	w.sleep(2 * time.Second)
	w.count["moves"]++
	w.settled(from, to, auth, moved)
}

// outage has the endpoint in force gone for longer than a trial lasts: then commands are
// taken at one that is known besides, where there is one.
func (w *world) outage() {
	known := slices.DeleteFunc([]string{w.formerly, simRelays[0]}, func(a string) bool { return a == "" || a == w.rule })
	if w.model.before != nil || len(known) == 0 {
		return
	}
	w.tell("the command channel's endpoint goes away")
	w.count["outages"]++
	w.heal()
	w.sleep(healing)
	w.network.at(w.rule).set(weather{dial: refused})
	w.network.at(w.rule).reset()
	w.troubled[w.rule], w.unsure = true, true
	w.sleep(simTrial + healing)
	if !slices.ContainsFunc(known, w.takes) {
		w.fault("while %s is away commands are taken at none of %v", w.rule, known)
	}
	w.heal()
	w.sleep(healing)
	w.locate()
}

// settled holds where commands are taken after a trial against where they have to be.
func (w *world) settled(from, to, auth string, moved bool) {
	if moved {
		w.tell("the command channel has moved from %s to %s", from, to)
		w.count["moved"]++
		w.formerly, w.showed, w.rule, w.shown, w.channel = w.rule, w.shown, to, auth, to
	}
	w.heal()
	w.sleep(healing)
	w.unsure = w.unsure || !moved
	w.locate()
	for _, a := range []string{from, to} {
		if takes := w.takes(a); takes != (a == w.channel) {
			w.fault("commands are to be taken at %s: are they at %s? %v", w.channel, a, takes)
		}
	}
	got, ok := w.askHere(`{"verb":"list","what":"destination","which":"apiRule"}`)
	var rule struct{ Destination, Trial string }
	if want := channelRule(w.rule, w.shown, ""); !ok || json.Unmarshal([]byte(got), &rule) != nil || rule.Destination != want["destination"] || rule.Trial != "" {
		w.fault("the command channel's rule is %s, want %v", got, want)
	}
}

// admitted adds a rule of the command channel, and reports whether it could.
func (w *world) admitted(rule map[string]any) bool {
	o := order{local: w.model.locked || w.random.IntN(3) == 0, next: w.model}
	o.text = map[string]any{"verb": "add", "what": "destination", "rule": rule}
	w.tell("the rule of the command channel: %s", jsonOf(o.text))
	got, ok := "", false
	if o.local {
		got, ok = w.askHere(jsonOf(o.text))
	} else {
		got, ok = w.ask(w.channel, o.text, func() {})
	}
	var reply struct{ Destination, Trial string }
	trial := simTrial.String()
	if at := channelRule(w.rule, w.shown, ""); rule["destination"] == at["destination"] && rule["auth"] == at["auth"] {
		trial = ""
	}
	if !ok || json.Unmarshal([]byte(got), &reply) != nil || reply.Destination != rule["destination"] || reply.Trial != trial {
		w.fault("%s\n got %s", o, got)
		return false
	}
	return true
}
