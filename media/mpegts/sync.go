package mpegts

import "bytes"

// Sync returns where in b packets begin: the first place from which n sync bytes
// lie PacketSize apart (TR 101 290, 1.1), or as many of them as b has room for. whole
// reports whether it has room for all. Where there is no such place, it returns
// the length of b.
func Sync(b []byte, n int) (at int, whole bool) {
	for at < len(b) {
		next := bytes.IndexByte(b[at:], SyncByte)
		if next < 0 {
			break
		}
		at += next
		if aligned(b[at:], n) {
			return at, len(b)-at > (n-1)*PacketSize
		}
		at++
	}
	return len(b), false
}

// aligned reports whether the first n sync bytes of b, as far as it goes, are right.
func aligned(b []byte, n int) bool {
	for i := 0; i < n && i*PacketSize < len(b); i++ {
		if b[i*PacketSize] != SyncByte {
			return false
		}
	}
	return true
}
