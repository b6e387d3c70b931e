package tscheck

import (
	"fmt"
	"strings"

	"vw/media/mpegts"
)

// Sound says that nothing is wrong with the stream: there are no Faults.
func (r Report) Sound() bool { return len(r.Faults()) == 0 }

// words collects sentences.
type words []string

// count adds a sentence that tells a count, where it is not 0.
func (w *words) count(n int64, format string, a ...any) {
	if n != 0 {
		*w = append(*w, fmt.Sprintf("%d × ", n)+fmt.Sprintf(format, a...))
	}
}

// say adds a sentence where it holds.
func (w *words) say(holds bool, format string, a ...any) {
	if holds {
		*w = append(*w, fmt.Sprintf(format, a...))
	}
}

// Faults are the reasons why the stream is not sound: a sentence each, with
// what it means, where it is laid down and where to look. Nil for a sound stream.
func (r Report) Faults() []string {
	var w words
	if r.Packets == 0 {
		w.say(true, "no transport stream: %d bytes and not one packet of 188 that begins with 0x47", r.SkippedBytes+r.TrailingBytes)
		return w
	}
	w.count(r.SyncLosses, "sync lost: bytes are missing or do not belong here (TR 101 290, 1.1); look for a writer that cuts or mixes packets")
	w.count(r.SyncByteErrors, "sync byte damaged in a single packet (TR 101 290, 1.2)")
	w.say(r.SkippedBytes > 0, "%d bytes belong to no packet (TR 101 290, 1.1)", r.SkippedBytes)
	w.count(r.TransportErrors, "packet marked as damaged by its sender or by a receiver on the way (TR 101 290, 2.1); look at the source's reception")
	for _, p := range r.PIDs {
		w.count(p.ContinuityErrors, "continuity error on PID %#x: packets lost, repeated or mixed with another stream's (TR 101 290, 1.4); look for drops on the way and for two senders on one feed", p.PID)
	}
	r.tableFaults(&w)
	for _, p := range r.Programs {
		p.faults(&w)
		if !r.interrupted {
			p.interruptions(&w)
		}
	}
	return w
}

func (r Report) tableFaults(w *words) {
	w.say(r.PATs == 0, "no PAT: players cannot tell what the packets are (TR 101 290, 1.3); record from the beginning, or let the muxer repeat it")
	w.count(r.PATGaps, "more than 0.5 s without a PAT, %.2f s at most: who joins there waits (TR 101 290, 1.3); ffmpeg: -pat_period 0.1", r.LongestPATIntervalSeconds)
	w.count(r.WrongTables, "table on PID 0 that is no PAT (TR 101 290, 1.3)")
	w.count(r.ScrambledTables, "PAT or PMT packet marked as scrambled (TR 101 290, 1.3, 1.5)")
	w.count(r.CRCErrors, "table whose CRC does not match (TR 101 290, 2.2)")
	w.count(r.MalformedTables, "PAT or PMT that cannot be read (ISO/IEC 13818-1, 2.4.4)")
	w.count(r.UnmarkedChanges, "PAT or PMT changed under the same version: players go by the old one (ISO/IEC 13818-1, 2.4.4.5, 2.4.4.9)")
	w.count(r.UnreferencedPackets, "packet that neither PAT nor PMT named within 0.5 s, on PIDs %#x (TR 101 290, 3.4); these are leftovers of a track, or of another stream", r.UnreferencedPIDs)
	w.say(r.ProgramsLeftOut > 0, "%d programs are more than can be checked", r.ProgramsLeftOut)
	w.say(r.PATs > 0 && len(r.Programs) == 0, "the PAT names no program")
}

func (p ProgramReport) faults(w *words) {
	w.say(p.PMTs == 0, "program %d has no PMT on PID %#x (TR 101 290, 1.5)", p.Number, p.PMTPID)
	w.count(p.PMTGaps, "more than 0.5 s without the PMT of program %d, %.2f s at most (TR 101 290, 1.5); ffmpeg: -pat_period 0.1", p.Number, p.LongestPMTIntervalSeconds)
	stamped := false
	for _, t := range p.Tracks {
		stamped = stamped || t.Frames > 0
	}
	w.say(p.PCRs == 0 && stamped && p.PCRPID != mpegts.NullPID,
		"program %d has no PCR on PID %#x: it cannot be played in time (TR 101 290, 2.3)", p.Number, p.PCRPID)
	w.count(p.PCRGaps, "too long without a PCR in program %d, %.3f s at most (TR 101 290, 2.3); ffmpeg sends one with a video frame, so raise a low frame rate, or see whether the video has ended", p.Number, p.LongestPCRIntervalSeconds)
	w.count(p.PCRJumps, "PCR of program %d jumps forward, and no discontinuity_indicator says so (ISO/IEC 13818-1, 2.4.3.5); look for clocks mixed or put forward", p.Number)
	w.count(p.PCRReverses, "PCR of program %d goes back, and no discontinuity_indicator says so (ISO/IEC 13818-1, 2.4.3.5); look for a restarted, looped or second source", p.Number)
	for _, t := range p.Tracks {
		t.faults(w)
	}
}

// interruptions are what players notice of a change that no clause forbids.
func (p ProgramReport) interruptions(w *words) {
	w.count(p.TrackMoves, "track of program %d that went on on another PID%s: who is bound to the old one gets nothing more, others begin anew (ISO/IEC 13818-1, 2.4.4.8); look for a change of sources that gives each PIDs of its own", p.Number, p.firstMove(false))
	w.count(p.TrackReturns, "track of program %d that the PMT left out and named again%s: players stand still for as long as it was away; look for a mute, or a change of sources there and back", p.Number, p.firstMove(true))
	for _, t := range p.Tracks {
		w.count(t.Holes, "hole in %s on PID %#x, %.3f s at most, the first %.2f s after the beginning: players stand still or are silent there, or stay behind; look for a source that stalled, or was changed or muted without filling", t.Codec, t.PID, t.LongestHoleSeconds, t.FirstHoleAtSeconds)
	}
}

// firstMove says where and when the first of such moves was.
func (p ProgramReport) firstMove(returned bool) string {
	for _, m := range p.Moves {
		if m.Returned == returned {
			return fmt.Sprintf(", first %.2f s after the beginning from PID %#x to %#x", m.AtSeconds, m.FromPID, m.PID)
		}
	}
	return ""
}

// changedAt lists when the PMT changed, the first few times.
func (p ProgramReport) changedAt() string {
	const most = 8
	var list []string
	for _, v := range p.PMTVersions[1:] {
		if len(list) == most {
			return strings.Join(list, ", ") + " s and later"
		}
		list = append(list, fmt.Sprintf("%.2f", v.AtSeconds))
	}
	return strings.Join(list, ", ") + " s"
}

func (t TrackReport) faults(w *words) {
	name := fmt.Sprintf("%s on PID %#x", t.Codec, t.PID)
	w.count(t.BrokenStarts, "packet of %s that is marked as the start of a PES packet and is none: the start code is damaged (ISO/IEC 13818-1, 2.4.3.6); look at who muxed it", name)
	w.count(t.UnmarkedStarts, "PES packet of %s that begins without payload_unit_start_indicator: it is taken for the end of the one before (ISO/IEC 13818-1, 2.4.3.3); look at who muxed it", name)
	w.count(t.DTSReverses, "DTS of %s does not go forward (ISO/IEC 13818-1, 2.4.3.7); look for a restarted, looped or second source", name)
	w.count(t.DTSJumps, "DTS of %s jumps away from the PCR clock (ISO/IEC 13818-1, 2.4.3.7); look for a source that stalled, or whose clock was set", name)
	w.count(t.LatePTSs, "PTS of %s too late for the PCR: it cannot be shown in time (ISO/IEC 13818-1, 2.4.2.6); look for a source that lags, or a clock that is not its own", name)
	w.count(t.EarlyPTSs, "PTS of %s more than 10 s ahead of the PCR (ISO/IEC 13818-1, 2.4.2.6)", name)
	w.count(t.DisorderedPTSs, "PTS of %s before its DTS (ISO/IEC 13818-1, 2.4.3.7)", name)
	w.count(t.CrowdedDTSs, "picture of %s too soon behind the one before, %.1f ms at least, the first %.2f s after the beginning: decoders need not be so fast (ITU-T H.264, A.3.1), and players drop it or stand still; look for a splice, or a source that stalled and stamps what it reads by the time of day", name, t.ShortestDTSIntervalSeconds*1000, t.FirstCrowdedDTSAtSeconds)
	w.count(t.Overlaps, "sound of %s that begins before the one before ends, by %.3f s at most, the first %.2f s after the beginning: players drop it or take it for damaged; look for a splice, or a clock that was set back", name, t.LongestOverlapSeconds, t.FirstOverlapAtSeconds)
}

// Notes are what is worth knowing and no fault, a sentence each.
func (r Report) Notes() []string {
	var w words
	w.say(r.TrailingBytes > 0, "the end cuts a packet short: %d of 188 bytes; whoever wrote it was stopped in mid-packet", r.TrailingBytes)
	w.count(r.Duplicates, "packet sent twice, as is allowed")
	for _, p := range r.Programs {
		if r.interrupted {
			p.interruptions(&w)
		}
		w.say(p.Silences > 0, "program %d fell silent for %.1f s in all, %.1f s at most: all stopped and went on", p.Number, p.SilenceSeconds, p.LongestSilenceSeconds)
		w.count(p.PMTChanges, "change of the PMT of program %d, %s after the beginning", p.Number, p.changedAt())
		ids := map[int]uint16{}
		for _, t := range p.Tracks {
			w.count(t.PTSGaps, "more than 0.7 s without a PTS of %s on PID %#x, %.1f s at most (TR 101 290, 2.5)", t.Codec, t.PID, t.LongestPTSIntervalSeconds)
			w.say(t.InForce && t.Packets == 0, "nothing came of %s on PID %#x", t.Codec, t.PID)
			for _, id := range t.StreamIDs {
				if t.InForce && t.Kind != mpegts.Other.String() {
					n, taken := ids[id]
					w.say(taken, "PIDs %#x and %#x share stream_id %#x: simple players cannot tell them apart", n, t.PID, id)
					ids[id] = t.PID
				}
			}
		}
	}
	return w
}
