package testrelay_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

// A sender and a viewer, on a relay that hangs up in between.
func Example() {
	relay, err := testrelay.Listen(testrelay.Config{Keep: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer relay.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	sender, _, err := websocket.DefaultDialer.DialContext(ctx, relay.URL()+"/in/video0", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sender.Close()
	if err := sender.WriteMessage(websocket.BinaryMessage, []byte("a frame")); err != nil {
		fmt.Println(err)
	}
	video := relay.Subscribe("video0")
	defer video.Close()
	m, err := video.Next(ctx)
	fmt.Printf("%s: %s %v\n", m.Path, m.Data, err)

	relay.SetFaults("/in/video0", testrelay.Faults{Refuse: 503})
	_, response, _ := websocket.DefaultDialer.DialContext(ctx, relay.URL()+"/in/video0", nil)
	fmt.Println(response.StatusCode)
	// Output:
	// /in/video0: a frame <nil>
	// 503
}
