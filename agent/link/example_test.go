package link_test

import (
	"context"
	"fmt"
	"time"

	"vw/agent/link"
	"vw/testrelay"
)

func ExampleDialer_Open() {
	relay, err := testrelay.Listen(testrelay.Config{Auth: testrelay.BearerAuth, Token: "s3cret"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer relay.Close()
	video := relay.Subscribe("video0")
	defer video.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	dialer := link.New(link.Config{})
	conn, err := dialer.Open(ctx, link.Target{URL: relay.URL() + "/in/video0", Token: "s3cret", Auth: "bearer", Local: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Abort()
	if err := conn.Write(false, []byte("one message "), []byte("of two parts")); err != nil {
		fmt.Println(err)
	}
	m, err := video.Next(ctx)
	fmt.Printf("%s %v\n", m.Data, err)

	_, err = dialer.Open(ctx, link.Target{URL: relay.URL() + "/in/video0", Token: "wrong", Auth: "bearer", Local: true})
	fmt.Println(link.CodeOf(err))
	// Output:
	// one message of two parts <nil>
	// token_refused
}

func ExamplePolicy() {
	policy := link.Policy{Hosts: []string{"*.relay.example"}}
	for _, url := range []string{"wss://eu.relay.example/in/lab", "ws://eu.relay.example/in/lab", "wss://elsewhere.example/in/lab"} {
		fmt.Println(url, policy.Check(link.Target{URL: url}) == nil)
	}
	// Output:
	// wss://eu.relay.example/in/lab true
	// ws://eu.relay.example/in/lab false
	// wss://elsewhere.example/in/lab false
}
