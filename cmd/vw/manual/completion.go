package manual

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// Shells are those that Completion knows.
var Shells = []string{"bash", "zsh", "fish"}

// Completion writes what has a shell complete the program's commands and flags.
// Everything else is completed to names of files.
func (p Program) Completion(w io.Writer, shell string) error {
	write := map[string]func(*strings.Builder){"bash": p.bash, "zsh": p.zsh, "fish": p.fish}[shell]
	if write == nil {
		return fmt.Errorf("there are completions for %s, not for %q", strings.Join(Shells, ", "), shell)
	}
	var b strings.Builder
	write(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (p Program) bash(b *strings.Builder) {
	fmt.Fprintf(b, "_%[1]s() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} words=\n\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\twords='", p.Name)
	for _, c := range p.Commands {
		b.WriteString(c.Name + " ")
	}
	b.WriteString("'\n\telif [[ $cur == -* ]]; then\n\t\tcase ${COMP_WORDS[1]} in\n")
	for _, c := range p.Commands {
		fmt.Fprintf(b, "\t\t%s) words='--help", c.Name)
		c.each(func(f *pflag.Flag, _, _ string) { b.WriteString(" --" + f.Name) })
		b.WriteString("' ;;\n")
	}
	fmt.Fprintf(b, "\t\tesac\n\tfi\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\ncomplete -o default -F _%[1]s %[1]s\n", p.Name)
}

func (p Program) zsh(b *strings.Builder) {
	fmt.Fprintf(b, "#compdef %[1]s\n\n_%[1]s() {\n\tif (( CURRENT == 2 )); then\n\t\tlocal -a commands=(\n", p.Name)
	for _, c := range p.Commands {
		fmt.Fprintf(b, "\t\t\t%s\n", quoted(c.Name+":"+c.Summary))
	}
	b.WriteString("\t\t)\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tlocal command=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n\tcase $command in\n")
	escaped := strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, ":", `\:`)
	for _, c := range p.Commands {
		fmt.Fprintf(b, "\t%s)\n\t\t_arguments '--help[say what it does]' '*:file:_files'", c.Name)
		c.each(func(f *pflag.Flag, value, usage string) {
			spec := "--" + f.Name + "[" + escaped.Replace(usage) + "]"
			if value != "" {
				spec = "--" + f.Name + "=[" + escaped.Replace(usage) + "]:" + value + ":_files"
			}
			fmt.Fprintf(b, " \\\n\t\t\t%s", quoted(spec))
		})
		b.WriteString("\n\t\t;;\n")
	}
	fmt.Fprintf(b, "\tesac\n}\n\n_%[1]s \"$@\"\n", p.Name)
}

func (p Program) fish(b *strings.Builder) {
	for _, c := range p.Commands {
		fmt.Fprintf(b, "complete -c %s -n __fish_use_subcommand -f -a %s -d %s\n", p.Name, c.Name, fishQuoted(c.Summary))
		c.each(func(f *pflag.Flag, value, usage string) {
			fmt.Fprintf(b, "complete -c %s -n '__fish_seen_subcommand_from %s' -l %s", p.Name, c.Name, f.Name)
			if value != "" {
				b.WriteString(" -r")
			}
			fmt.Fprintf(b, " -d %s\n", fishQuoted(usage))
		})
	}
}

// quoted is s as one word for bash and zsh, in which nothing has a meaning.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// fishQuoted is the same for fish.
func fishQuoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
