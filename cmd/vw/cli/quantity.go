package cli

import (
	"fmt"
	"time"
)

// Span is a duration as people say it.
func Span(d time.Duration) string {
	const (
		minute = 60 // s
		hour   = 60 * minute
		day    = 24 * hour
		year   = 365 * day
	)
	switch s := max(0, int64(d/time.Second)); {
	case s < minute:
		return fmt.Sprintf("%d s", s)
	case s < hour:
		return fmt.Sprintf("%d min", s/minute)
	case s < day:
		return fmt.Sprintf("%d h %d min", s/hour, s%hour/minute)
	case s < 2*year:
		return fmt.Sprintf("%d d %d h", s/day, s%day/hour)
	default:
		return fmt.Sprintf("%d years", s/year)
	}
}

// BitRate is bit/s as people say it.
func BitRate(bits float64) string {
	switch {
	case bits >= 999_500:
		return fmt.Sprintf("%.1f Mbit/s", bits/1e6)
	case bits >= 1000:
		return fmt.Sprintf("%.0f kbit/s", bits/1e3)
	}
	return fmt.Sprintf("%.0f bit/s", bits)
}

// ByteSize is a number of bytes as people say it.
func ByteSize(n int64) string {
	switch {
	case n >= 999_500_000:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 999_500:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1000:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}
