package media

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Keep bounds what a folder keeps of the recordings made in it. The zero
// value keeps all.
type Keep struct {
	Age  time.Duration // since it was last written; 0: any
	Size int64         // bytes of all together; 0: any
}

var (
	ages  = map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour, "m": time.Minute}
	sizes = map[string]float64{"MB": 1e6, "GB": 1e9, "TB": 1e12}
)

var errKeep = errors.New(`not an age (7d, 12h, 90m), a size (500MB, 20GB, 1TB) or both ("7d,20GB")`)

// Set reads an age, a size or both, with a comma between: 7d, 20GB, 7d,20GB.
func (k *Keep) Set(s string) error {
	var read Keep
	for part := range strings.SplitSeq(s, ",") {
		digits := strings.TrimRight(part, "dhmMGTB")
		unit := part[len(digits):]
		n, err := strconv.ParseUint(digits, 10, 32)
		age, size := ages[unit], sizes[unit]
		switch {
		case err != nil || n == 0:
			return fmt.Errorf("%q is %w", part, errKeep)
		case age > 0 && read.Age == 0 && n <= uint64(math.MaxInt64/age):
			read.Age = time.Duration(n) * age
		case size > 0 && read.Size == 0 && float64(n)*size < 1e18:
			read.Size = int64(float64(n) * size)
		default:
			return fmt.Errorf("%q is %w", part, errKeep)
		}
	}
	*k = read
	return nil
}

// String is what Set reads, "" for all.
func (k *Keep) String() string {
	var parts []string
	if k.Age > 0 {
		parts = append(parts, fmt.Sprintf("%dm", k.Age/time.Minute))
	}
	if k.Size > 0 {
		parts = append(parts, fmt.Sprintf("%dMB", k.Size/1e6))
	}
	return strings.Join(parts, ",")
}

// Type is what a command line calls the value.
func (k *Keep) Type() string { return "keep" }
