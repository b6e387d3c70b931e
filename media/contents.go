package media

import "vw/media/mpegts"

// A contents is what a source's tables say that its PIDs carry. It does not
// change: a chunk that waits is judged by the tables under which it came in,
// whatever the source has sent since.
type contents struct {
	pmtPID uint16            // 0: not known
	tracks map[uint16]muting // which mutes concern a track; both, where its kind is not known
}

// newContents reads a PMT.
func newContents(pmtPID uint16, tracks []mpegts.Track) *contents {
	c := &contents{pmtPID, make(map[uint16]muting, len(tracks))}
	for _, t := range tracks {
		switch _, kind := t.Codec(); {
		case t.Vague():
			c.tracks[t.PID] |= mutedVideo | mutedAudio
		case kind == mpegts.Video:
			c.tracks[t.PID] |= mutedVideo
		case kind == mpegts.Audio:
			c.tracks[t.PID] |= mutedAudio
		default:
			c.tracks[t.PID] |= 0
		}
	}
	return c
}

// stays reports whether packets of a PID leave, where only parts of the feed
// are muted: those of a track that is known to be of another kind, and those of
// the PAT and the PMT. All else may carry anything.
func (c *contents) stays(pid uint16, m muting) bool {
	if c != nil {
		if concerned, track := c.tracks[pid]; track {
			return concerned&m == 0
		}
	}
	return c.table(pid)
}

// table reports whether a PID is the PAT's or the PMT's.
func (c *contents) table(pid uint16) bool {
	return pid == mpegts.PATPID || c != nil && pid == c.pmtPID
}

// hasVideo reports whether some track is known to be video.
func (c *contents) hasVideo() bool {
	if c != nil {
		for _, m := range c.tracks {
			if m == mutedVideo {
				return true
			}
		}
	}
	return false
}
