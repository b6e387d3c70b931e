package attack_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"vw/agent"
)

// rules are those in force, as this machine is told.
func (v *victim) rules() string {
	v.t.Helper()
	return v.owner(http.MethodGet, "/api/streams/all", "") + v.owner(http.MethodGet, "/api/destinations/all", "")
}

// When the owner's lock is acknowledged, no command from afar comes into force:
// the one that was running has ended. Each here takes long before it does: it
// makes folders for a recording.
func TestNoCommandComesIntoForceAfterTheLock(t *testing.T) {
	v := start(t, agent.Config{})
	caught := 0
	for round := range count(20, 300) {
		file := strings.Repeat(fmt.Sprintf("%d/", round%10), 7) + fmt.Sprint(round)
		command := `{"verb":"add","what":"destination","rule":` + jsonOf(rule{
			ID: fmt.Sprint("r", round), Stream: "cam", Destination: v.relay.URL() + "/in/cam", File: file}) + `}`
		if err := v.channel.WriteMessage(websocket.TextMessage, []byte(command)); err != nil {
			t.Fatal(err)
		}
		for range round % 4 {
			v.rules() // some time
		}
		v.owner(http.MethodPut, "/api/lock", "")
		at := v.rules()
		_, reply, err := v.channel.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if !refused(string(reply)) {
			caught++
		}
		if after := v.rules(); after != at {
			t.Fatalf("round %d: the lock was acknowledged with the rules\n%s\nand then %s was answered and they were\n%s", round, at, reply, after)
		}
		v.owner(http.MethodDelete, "/api/lock", "")
	}
	t.Logf("%d commands were done before the lock", caught)
}
