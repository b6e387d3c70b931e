package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"vw/command"
)

// A manager's conversation over the command channel. Each message is what came
// in on the link; each reply goes back on the same link.
func ExampleHandler_Handle() {
	handler := command.New(command.Config{Name: "bench7", Rules: command.Rules{Destinations: map[string]command.Destination{
		command.APIRule: command.ChannelRule("wss://manager.example/bi/bench7", ""),
	}}})
	for _, message := range []string{
		`{"verb":"healthcheck"}`,
		`{"verb":"add","what":"destination","rule":{"stream":"video0","destination":"wss://r/in/video0","id":"0"}}`,
		`{"verb":"add","what":"stream","rule":{"stream":"video0","feeds":["video0","audio0"]}}`,
		`{"verb":"list","what":"stream","which":"all"}`,
		`{"verb":"delete","what":"destination","which":"all"}`,
		`{"verb":"list","what":"destination","which":"all"}`,
		`hello`,
	} {
		handler.Handle(context.Background(), []byte(message), command.Remote, func(reply []byte) { fmt.Printf("%s\n", reply) })
	}
	// Output:
	// {"healthcheck":"ok"}
	// {"id":"0","stream":"video0","destination":"wss://r/in/video0"}
	// {"stream":"video0","feeds":["video0","audio0"]}
	// {"video0":["video0","audio0"]}
	// {"deleted":"deleteAll"}
	// {"apiRule":{"id":"apiRule","stream":"api","destination":"wss://manager.example/bi/bench7"}}
	// {"error":"Unrecognised Command","hint":"this is no JSON object: write a command in braces, {…}"}
}

// Relays glue messages together, and several agents may share an endpoint: a
// command may say whom it concerns, and carry a ref to know its reply by.
func ExampleHandler_Handle_shared() {
	for _, name := range []string{"bench7", "bench8", "camera1"} {
		agent := command.New(command.Config{Name: name})
		message := `{"verb":"healthcheck","to":"bench*","ref":"1"} {"deleted":"somebody's reply"} {"verb":"healthcheck"}`
		agent.Handle(context.Background(), []byte(message), command.Remote, func(reply []byte) { fmt.Printf("%s\n", reply) })
	}
	// Output:
	// {"ref":"1","from":"bench7","reply":{"healthcheck":"ok"}}
	// {"healthcheck":"ok"}
	// {"ref":"1","from":"bench8","reply":{"healthcheck":"ok"}}
	// {"healthcheck":"ok"}
	// {"healthcheck":"ok"}
}

// REST translates to the typed operations, which share the table with the channel.
func ExampleHandler_AddDestination() {
	handler := command.New(command.Config{})
	rule := json.RawMessage(`{"id":"0","stream":"/video0","destination":"wss://r/in/video0","token":"sesame"}`)
	added, err := handler.AddDestination(context.Background(), command.Local, rule)
	shown, _ := json.Marshal(added)
	fmt.Println(string(shown), err)

	_, err = handler.AddDestination(context.Background(), command.Local, json.RawMessage(`{"id":7,"stream":"video0","destination":"wss://r/in/video0"}`))
	var refused *command.Error
	fmt.Println(errors.As(err, &refused) && refused.Kind == command.Invalid, err)
	// Output:
	// {"id":"0","stream":"video0","destination":"wss://r/in/video0","tokenSet":true} <nil>
	// true id must be a string: write its value in double quotes
}
