package mpegts_test

import (
	"bytes"
	"testing"

	"vw/media/mpegts"
)

func TestSyncFindsWherePacketsBegin(t *testing.T) {
	packets := bytes.Repeat(packet(mpegts.SyncByte), 5)
	lone := []byte{mpegts.SyncByte, 1, 2}
	for name, c := range map[string]struct {
		b     []byte
		at    int
		whole bool
	}{
		"at once":                {packets, 0, true},
		"behind other bytes":     {append(lone[1:3:3], packets...), 2, true},
		"behind a lone one":      {append(lone[:3:3], packets...), 3, true},
		"as far as there is":     {append(lone[:3:3], packets[:300]...), 3, false},
		"with the last in sight": {packets[:4*mpegts.PacketSize+1], 0, true},
		"with the last behind":   {packets[:4*mpegts.PacketSize], 0, false},
		"nowhere":                {bytes.Repeat([]byte{1}, 400), 400, false},
		"in nothing":             {nil, 0, false},
	} {
		if at, whole := mpegts.Sync(c.b, 5); at != c.at || whole != c.whole {
			t.Errorf("%s: %d, %v, want %d, %v", name, at, whole, c.at, c.whole)
		}
	}
}
