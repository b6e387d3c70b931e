package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
)

// Variable returns the value of a variable of the environment, "" for none.
func (c *Call) Variable(name string) string {
	for _, line := range c.Environ {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return ""
}

// readCredentials sets the tokens that were not given otherwise and that a service
// manager has handed over in files (systemd's LoadCredential=): vw. and the flag's
// name. Where a flag stands for a token's file it is set in the token's place.
func (f *FlagSet) readCredentials() (err error) {
	dir := f.call.Variable("CREDENTIALS_DIRECTORY")
	f.VisitAll(func(flag *pflag.Flag) {
		file := f.Lookup(flag.Name + "-file")
		if dir == "" || !isSecret(flag.Name) || flag.Value.String() != "" || file != nil && file.Value.String() != "" {
			return
		}
		path := filepath.Join(dir, "vw."+flag.Name)
		token, e := os.ReadFile(path)
		switch {
		case e != nil:
		case file != nil:
			e = file.Value.Set(path)
		default:
			e = flag.Value.Set(strings.TrimSpace(string(token)))
		}
		if e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = fmt.Errorf("read the credential vw.%s: %w", flag.Name, e)
		}
	})
	return err
}
