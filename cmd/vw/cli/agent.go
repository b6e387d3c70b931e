package cli

import (
	"fmt"

	"vw/agent/client"
	"vw/agent/owner"
)

// Agent adds the flags that say where the agent of this machine is, and returns
// what makes its client of them, once they were read.
func (f *FlagSet) Agent() func() (*client.Client, error) {
	port := f.Int("port", 8888, "TCP `PORT` of the agent")
	user := f.String("agent-user", "vw", "`USER` that may run the agent, besides you and root")
	return func() (*client.Client, error) {
		if *port < 1 || *port > 65535 {
			return nil, Usagef("port %d is not one of 1 to 65535", *port)
		}
		c := client.Config{URL: fmt.Sprintf("http://127.0.0.1:%d", *port), User: *user}
		if file := f.Lookup(ownerToken); file != nil && file.Value.String() != "" {
			var err error
			if c.Token, err = owner.ReadToken(file.Value.String()); err != nil {
				return nil, UsageError{Err: err}
			}
		}
		return client.New(c), nil
	}
}

const ownerToken = "owner-token-file"

// OwnerToken adds the flag with which Agent's client shows the owner's token.
func (f *FlagSet) OwnerToken() {
	f.String(ownerToken, "", "`FILE` that holds the owner's token, where the agent wants one")
}
