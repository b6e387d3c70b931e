package main

import "context"

// maxReply is the longest message that is read, in bytes: a list of all rules
// there can be, and others' messages glued to it.
const maxReply = 16 << 20

// dial opens a link, which is known to be there but not yet to be answered.
func (s *sendOptions) dial(ctx context.Context, to string) (*channel, error) {
	within, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	conn, err := s.Dialer.Open(within, s.Target(to))
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	if err != nil {
		return nil, err
	}
	return newChannel(conn, s.Timeout), nil
}
