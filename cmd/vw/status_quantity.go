package main

import "vw/cmd/vw/cli"

var (
	span     = cli.Span
	bitRate  = cli.BitRate
	byteSize = cli.ByteSize
	paint    = cli.Paint
)

type mood = cli.Severity

const (
	plain  = cli.Plain
	onAir  = cli.Good
	silent = cli.Quiet
	wrong  = cli.Wrong
)
