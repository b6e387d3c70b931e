package attack_test

import (
	"path/filepath"
	"testing"
	"time"

	"vw/agent"
	"vw/testrelay"
)

// An endpoint on which no command was ever done is no way back in: not when
// the real one is away, and not after a restart.
func TestEndpointThatWasTakenBackIsNotDialledAgain(t *testing.T) {
	t.Parallel()
	config := agent.Config{State: filepath.Join(t.TempDir(), "state"), Trial: time.Second, APIToken: canary("api")}
	v := start(t, config)
	evil := listen(t, testrelay.Config{})
	if reply := v.add(rule{ID: "apiRule", Stream: "api", Destination: evil.URL() + "/bi/hidden", Token: "x"}); refused(reply) {
		t.Fatal(reply)
	}
	if err := evil.AwaitClient(patient(t), "/bi/hidden"); err != nil {
		t.Fatal("the trial was not begun")
	}
	if _, err := evil.Await(patient(t), "/bi/hidden", func(all []testrelay.Visit) bool { return testrelay.Up(all) == 0 }); err != nil {
		t.Fatal("the trial was not ended")
	}
	tried := len(evil.Visits("/bi/hidden"))
	if err := v.relay.Close(); err != nil {
		t.Fatal(err)
	}
	lost := time.Now()
	eventually(t, "several trials' lengths have passed", func() bool {
		return time.Since(lost) > 4*time.Second || len(evil.Visits("/bi/hidden")) > tried
	})
	if n := len(evil.Visits("/bi/hidden")); n > tried {
		t.Errorf("the endpoint that was taken back was dialled %d times more", n-tried)
	}
}
