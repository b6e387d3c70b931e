package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"vw/cmd/vw/manual"
)

const completionHead = `vw completion prints what has a shell complete vw's commands and flags: bash, zsh or fish.

usage: vw completion SHELL

  bash: vw completion bash >~/.local/share/bash-completion/completions/vw
  zsh:  vw completion zsh >_vw, in a folder of $fpath
  fish: vw completion fish >~/.config/fish/completions/vw.fish
`

const manualHead = `vw manual prints this manual page: vw manual | man -l -

usage: vw manual
`

// runManual is vw manual and vw completion. Both are made of what every other
// command says for --help.
func runManual(ctx context.Context, name string, args []string, stdout, stderr io.Writer) int {
	flags := pflag.NewFlagSet("vw "+name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	head, words := completionHead, 1
	if name == "manual" {
		head, words = manualHead, 0
	}
	err := inWords(flags.Parse(args))
	if errors.Is(err, pflag.ErrHelp) {
		printHelp(stdout, head, flags)
		return exitOK
	}
	if err == nil && flags.NArg() != words {
		err = fmt.Errorf("see vw %s --help", name)
	}
	if err == nil && name == "manual" {
		err = describe(ctx).Page(stdout, programVersion())
	} else if err == nil {
		err = describe(ctx).Completion(stdout, flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(stderr, "vw %s: %v\n", name, err)
		return exitUsage
	}
	return exitOK
}

// A helpTaker is written to in place of a terminal: it takes the flags of a
// command that is asked for help.
type helpTaker struct {
	bytes.Buffer
	flags *pflag.FlagSet
}

// printHelp lists flags after the head.
func printHelp(w io.Writer, head string, flags *pflag.FlagSet) {
	fmt.Fprint(w, head)
	if taker, ok := w.(*helpTaker); ok {
		taker.flags = flags
		return
	}
	fmt.Fprint(w, flags.FlagUsagesWrapped(100))
}

// describe asks every command that the usage names.
func describe(ctx context.Context) manual.Program {
	first, rest, _ := strings.Cut(usage, "\n")
	p := manual.Program{Name: "vw", Summary: strings.TrimSuffix(strings.TrimPrefix(first, "vw "), ".")}
	for line := range strings.Lines(rest) {
		invocation, summary, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "vw "), "  ")
		if !ok || !strings.HasPrefix(line, "  vw ") {
			continue
		}
		names := []string{strings.Fields(invocation)[0]}
		for _, more := range regexp.MustCompile(`; vw ([a-z]+)`).FindAllStringSubmatch(summary, -1) {
			if more[1] != "help" {
				names = append(names, more[1])
			}
		}
		for _, name := range names {
			c := manual.Command{Name: name, Summary: strings.TrimSpace(summary)}
			if name != "help" && name != "version" {
				var help helpTaker
				run(ctx, []string{name, "--help"}, nil, strings.NewReader(""), &help, io.Discard)
				c.Help, c.Flags = help.String(), help.flags
			}
			p.Commands = append(p.Commands, c)
		}
	}
	return p
}
