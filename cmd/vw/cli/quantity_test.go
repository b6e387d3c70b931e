package cli_test

import (
	"testing"
	"time"

	"vw/cmd/vw/cli"
)

func TestSpansRatesAndSizesAreSaidAsPeopleDo(t *testing.T) {
	for want, got := range map[string]string{
		"0 s": cli.Span(-time.Second), "59 s": cli.Span(59 * time.Second), "4 min": cli.Span(4*time.Minute + 59*time.Second),
		"3 h 0 min": cli.Span(3 * time.Hour), "2 d 3 h": cli.Span(51 * time.Hour), "56 years": cli.Span(56 * 366 * 24 * time.Hour),
		"999 bit/s": cli.BitRate(999), "820 kbit/s": cli.BitRate(820_400), "1.0 Mbit/s": cli.BitRate(999_600), "12.3 Mbit/s": cli.BitRate(12_300_000),
		"188 bytes": cli.ByteSize(188), "262 kB": cli.ByteSize(261_884), "1.0 MB": cli.ByteSize(999_600), "12.5 GB": cli.ByteSize(12_500_000_000),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
