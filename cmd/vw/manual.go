package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"vw/cmd/vw/cli"
	"vw/cmd/vw/manual"
)

const completionHelp = `vw completion prints what has a shell complete vw's commands and flags: bash, zsh or fish.

usage: vw completion SHELL

  bash: vw completion bash >~/.local/share/bash-completion/completions/vw
  zsh:  vw completion zsh >_vw, in a folder of $fpath
  fish: vw completion fish >~/.config/fish/completions/vw.fish
`

const manualHelp = `vw manual prints this manual page: vw manual | man -l -

usage: vw manual
`

func runCompletion(ctx context.Context, c *cli.Call) error {
	f := c.Flags(completionHelp)
	if err := f.Read(); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return cli.Usagef("which shell? vw completion %s", strings.Join(manual.Shells, ", or "))
	}
	if err := describe(ctx).Completion(c.Stdout, f.Arg(0)); err != nil {
		return cli.UsageError{Err: err}
	}
	return nil
}

func runManual(ctx context.Context, c *cli.Call) error {
	if err := c.Flags(manualHelp).ReadAll(); err != nil {
		return err
	}
	return describe(ctx).Page(c.Stdout, programVersion())
}

// describe asks every command for help.
func describe(ctx context.Context) manual.Program {
	p := manual.Program{Name: "vw", Summary: strings.TrimSuffix(strings.TrimPrefix(summary, "vw "), ".")}
	for _, c := range subcommands() {
		m := manual.Command{Name: c.name, Summary: c.summary}
		if c.run != nil {
			call := &cli.Call{Name: "vw " + c.name, Args: []string{"--help"}, Stdout: io.Discard, Stderr: io.Discard}
			call.Describe = func(help string, flags *pflag.FlagSet) { m.Help, m.Flags = help, flags }
			_ = c.run(ctx, call) // pflag.ErrHelp
		}
		p.Commands = append(p.Commands, m)
	}
	return p
}

// variables lists those of all commands.
func variables(ctx context.Context) (names []string) {
	for _, c := range describe(ctx).Commands {
		if c.Flags != nil {
			c.Flags.VisitAll(func(f *pflag.Flag) { names = append(names, cli.Variable(f.Name)) })
		}
	}
	return names
}
