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

// readCredentials sets the tokens that a service manager has handed over in files
// (systemd's LoadCredential=): vw. and the flag's name.
func (f *FlagSet) readCredentials() (err error) {
	dir := f.call.Variable("CREDENTIALS_DIRECTORY")
	f.VisitAll(func(flag *pflag.Flag) {
		if dir == "" || !isSecret(flag.Name) || flag.Changed {
			return
		}
		token, e := os.ReadFile(filepath.Join(dir, "vw."+flag.Name))
		if e == nil {
			e = flag.Value.Set(strings.TrimSpace(string(token)))
		}
		if e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = fmt.Errorf("read the credential vw.%s: %w", flag.Name, e)
		}
	})
	return err
}
