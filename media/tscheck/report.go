package tscheck

import (
	"cmp"
	"maps"
	"slices"

	"vw/media/mpegts"
)

// A Report is what a Checker found: facts, faults and how often. Counts are
// since the start of the stream; clauses are those of TR 101 290 (TR) and
// ISO/IEC 13818-1 (ISO). Times are stream time, counted from a program's
// first PCR.
type Report struct {
	Packets     int64 `json:"packets"`      // whole ones
	NullPackets int64 `json:"null_packets"` // of them, stuffing

	SkippedBytes    int64 `json:"skipped_bytes"`    // in no packet
	TrailingBytes   int64 `json:"trailing_bytes"`   // of a packet that the end cuts short
	SyncLosses      int64 `json:"sync_losses"`      // TR 1.1
	SyncByteErrors  int64 `json:"sync_byte_errors"` // TR 1.2: between good ones
	TransportErrors int64 `json:"transport_errors"` // TR 2.1: transport_error_indicator

	ContinuityErrors int64 `json:"continuity_errors"` // TR 1.4, of all PIDs
	Duplicates       int64 `json:"duplicates"`        // legal ones (ISO 2.4.3.3); no fault

	PATs                      int64   `json:"pats"`
	PATGaps                   int64   `json:"pat_gaps"`                     // TR 1.3: more than 0.5 s without one
	LongestPATIntervalSeconds float64 `json:"longest_pat_interval_seconds"` // silences excepted
	WrongTables               int64   `json:"wrong_tables"`                 // TR 1.3: not a PAT, on its PID
	ScrambledTables           int64   `json:"scrambled_tables"`             // TR 1.3, 1.5: packets
	CRCErrors                 int64   `json:"crc_errors"`                   // TR 2.2: sections
	MalformedTables           int64   `json:"malformed_tables"`             // PAT or PMT sections with a good CRC
	UnmarkedChanges           int64   `json:"unmarked_changes"`             // PAT or PMT changed, version_number not (ISO 2.4.4.5, 2.4.4.9)

	UnreferencedPackets int64    `json:"unreferenced_packets"` // TR 3.4: named by no PAT or PMT in force when they came, nor for the first time within 0.5 s
	UnreferencedPIDs    []uint16 `json:"unreferenced_pids"`    // of them, the first 32

	DurationSeconds float64 `json:"duration_seconds"` // of the longest program, by its PCRs; 0 without any
	BitsPerSecond   float64 `json:"bits_per_second"`  // between that program's first and last PCR, all PIDs; 0 without two

	ProgramsLeftOut int             `json:"programs_left_out"` // named by the PAT, beyond what is followed
	Programs        []ProgramReport `json:"programs"`          // all that a PAT ever named, in that order
	PIDs            []PIDReport     `json:"pids"`              // all that came but null packets, ascending

	interrupted bool // Options.Interrupted
}

// A ProgramReport is one program.
type ProgramReport struct {
	Number  uint16 `json:"number"`
	InForce bool   `json:"in_force"` // named by the last PAT
	PMTPID  uint16 `json:"pmt_pid"`
	PCRPID  uint16 `json:"pcr_pid"` // 8191: none

	PMTs                      int64        `json:"pmts"`
	PMTGaps                   int64        `json:"pmt_gaps"` // TR 1.5: more than 0.5 s without one
	LongestPMTIntervalSeconds float64      `json:"longest_pmt_interval_seconds"`
	PMTChanges                int64        `json:"pmt_changes"`  // no fault
	PMTVersions               []PMTVersion `json:"pmt_versions"` // the first 64

	TrackMoves   int64       `json:"track_moves"`   // a track went on on another PID, of the same coding
	TrackReturns int64       `json:"track_returns"` // a PID came back that the PMT had left out
	Moves        []TrackMove `json:"moves"`         // of both, the first 64

	PCRs                      int64   `json:"pcrs"`
	PCRGaps                   int64   `json:"pcr_gaps"` // TR 2.3, by Options.MaxPCRInterval
	LongestPCRIntervalSeconds float64 `json:"longest_pcr_interval_seconds"`
	PCRJumps                  int64   `json:"pcr_jumps"`    // forward, unannounced, by Options.MaxJump
	PCRReverses               int64   `json:"pcr_reverses"` // back, unannounced (ISO 2.4.3.5)

	DurationSeconds       float64 `json:"duration_seconds"` // by the PCRs, silences included
	Silences              int64   `json:"silences"`         // all stopped and went on; no fault
	SilenceSeconds        float64 `json:"silence_seconds"`  // of all of them
	LongestSilenceSeconds float64 `json:"longest_silence_seconds"`

	Tracks []TrackReport `json:"tracks"` // all that a PMT ever named, by PID
}

// A PMTVersion is a PMT when it came into force.
type PMTVersion struct {
	Version   byte     `json:"version"`
	AtSeconds float64  `json:"at_seconds"`
	PCRPID    uint16   `json:"pcr_pid"`
	TrackPIDs []uint16 `json:"track_pids"`
}

// A TrackMove is a change of a PMT by which a track comes that was there before.
type TrackMove struct {
	AtSeconds float64 `json:"at_seconds"`
	PID       uint16  `json:"pid"`
	FromPID   uint16  `json:"from_pid"` // where its coding was before, or pid
	Returned  bool    `json:"returned"` // the PID itself had been there
}

// A TrackReport is one elementary stream.
type TrackReport struct {
	PID        uint16 `json:"pid"`
	InForce    bool   `json:"in_force"` // named by the last PMT
	StreamType byte   `json:"stream_type"`
	Codec      string `json:"codec"`
	Kind       string `json:"kind"`       // video, audio or data
	StreamIDs  []int  `json:"stream_ids"` // of its PES packets; the first 8

	Packets       int64   `json:"packets"`
	PayloadBytes  int64   `json:"payload_bytes"`
	BitsPerSecond float64 `json:"bits_per_second"` // 188 bytes a packet, over the program's duration
	AgeSeconds    float64 `json:"age_seconds"`     // since its last packet (TR 1.6 leaves the limit to the user); no fault

	Frames             int64   `json:"frames"`               // PES packets
	RandomAccessPoints int64   `json:"random_access_points"` // of them, with random_access_indicator
	FirstPTSSeconds    float64 `json:"first_pts_seconds"`    // as sent: it wraps at 95,443.7 s
	LastPTSSeconds     float64 `json:"last_pts_seconds"`

	BrokenStarts   int64 `json:"broken_starts"`   // payload_unit_start_indicator where no PES packet begins (ISO 2.4.3.3, 2.4.3.6)
	UnmarkedStarts int64 `json:"unmarked_starts"` // PES packets that begin without it

	DTSReverses               int64   `json:"dts_reverses"`    // the DTS went back
	DTSJumps                  int64   `json:"dts_jumps"`       // it left the PCR clock by more than Options.MaxJump at once
	LatePTSs                  int64   `json:"late_ptss"`       // more than 0.1 s behind the PCR
	EarlyPTSs                 int64   `json:"early_ptss"`      // more than 10 s ahead of it (ISO 2.4.2.6)
	DisorderedPTSs            int64   `json:"disordered_ptss"` // before their DTS
	PTSGaps                   int64   `json:"pts_gaps"`        // TR 2.5: more than 0.7 s without one; a note, no fault
	LongestPTSIntervalSeconds float64 `json:"longest_pts_interval_seconds"`

	// Holes are places where nothing is to be shown or heard: more than a frame
	// of sound, more than 0.5 s of pictures or of sound whose frames are unknown.
	Holes              int64   `json:"holes"`
	LongestHoleSeconds float64 `json:"longest_hole_seconds"`
	FirstHoleAtSeconds float64 `json:"first_hole_at_seconds"` // stream time; 0 without one

	// CrowdedDTSs are pictures that come less than 1/172 s, and less than a quarter of
	// what is usual in the track, behind the one before.
	CrowdedDTSs                int64   `json:"crowded_dtss"`
	ShortestDTSIntervalSeconds float64 `json:"shortest_dts_interval_seconds"` // of those; 0 without one
	FirstCrowdedDTSAtSeconds   float64 `json:"first_crowded_dts_at_seconds"`  // stream time

	// Overlaps are sounds that begin more than 2 ms before the end of the frames of
	// the PES packet before.
	Overlaps              int64   `json:"overlaps"`
	LongestOverlapSeconds float64 `json:"longest_overlap_seconds"`
	FirstOverlapAtSeconds float64 `json:"first_overlap_at_seconds"` // stream time; 0 without one
}

// A PIDReport is one PID.
type PIDReport struct {
	PID              uint16 `json:"pid"`
	Packets          int64  `json:"packets"`
	ContinuityErrors int64  `json:"continuity_errors"`
	Duplicates       int64  `json:"duplicates"`
}

// Report judges what has been written as if the stream ended here. Writing may
// go on after it.
func (c *Checker) Report() Report {
	c.sync.flush(c.packet, c.forget)
	t := &c.tables
	r := Report{
		Packets: c.packets, NullPackets: c.nullPackets,
		SkippedBytes: c.sync.unplaced(), TrailingBytes: c.sync.trailing(),
		SyncLosses: c.sync.losses, SyncByteErrors: c.sync.badSync, TransportErrors: c.transportErrors,
		PATs: t.pats, PATGaps: t.pat.gaps, LongestPATIntervalSeconds: seconds(t.pat.longest),
		WrongTables: t.wrongTable, ScrambledTables: t.scrambled, CRCErrors: t.badCRC,
		MalformedTables: t.malformed, UnmarkedChanges: t.unmarked,
		ProgramsLeftOut: t.leftOut,
		Programs:        []ProgramReport{}, PIDs: []PIDReport{},
		interrupted: c.interrupted,
	}
	for _, g := range c.programs {
		k := &g.clock
		p := g.closed(c.limits).report()
		r.Programs = append(r.Programs, p)
		if p.DurationSeconds > r.DurationSeconds {
			r.DurationSeconds = p.DurationSeconds
			r.BitsPerSecond = rate(k.last-k.first, p.DurationSeconds)
		}
	}
	pids := slices.Sorted(maps.Keys(c.pids))
	for _, n := range pids {
		c.find(c.pids[n], n)
	}
	u := unreferenced{c.unreferenced.packets, append([]uint16{}, c.unreferenced.pids...)}
	for _, n := range pids {
		s := c.pids[n]
		if s.unnamed > 0 && !c.mayBeNamed(s, n) {
			u.count(s, n)
		}
		if s.packets == 0 {
			continue
		}
		r.PIDs = append(r.PIDs, PIDReport{n, s.packets, s.continuityErrors, s.duplicates})
		r.ContinuityErrors += s.continuityErrors
		r.Duplicates += s.duplicates
	}
	r.UnreferencedPackets, r.UnreferencedPIDs = u.packets, u.pids
	return r
}

// rate is the bit rate of that many packets.
func rate(packets int64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return float64(packets*mpegts.PacketSize*8) / seconds
}

func (g *program) report() ProgramReport {
	k := &g.clock
	p := ProgramReport{
		Number: g.number, InForce: g.inForce, PMTPID: g.pmtPID, PCRPID: g.pcrPID,
		PMTs: g.pmts, PMTGaps: g.pmt.gaps, LongestPMTIntervalSeconds: seconds(g.pmt.longest),
		PMTChanges: g.changes, PMTVersions: append([]PMTVersion{}, g.history...),
		TrackMoves: g.moves.moved, TrackReturns: g.moves.returns, Moves: append([]TrackMove{}, g.moves.first...),
		PCRs: k.pcrs, PCRGaps: k.gaps, LongestPCRIntervalSeconds: seconds(k.longest),
		PCRJumps: k.jumps, PCRReverses: k.reverses, DurationSeconds: seconds(k.now),
		Silences: k.silences, SilenceSeconds: seconds(k.silence), LongestSilenceSeconds: seconds(k.widest),
		Tracks: []TrackReport{},
	}
	for n, t := range g.tracks {
		p.Tracks = append(p.Tracks, t.report(n, k.now))
	}
	slices.SortFunc(p.Tracks, func(a, b TrackReport) int { return cmp.Compare(a.PID, b.PID) })
	return p
}

func (t *track) report(n uint16, now int64) TrackReport {
	codec, kind := t.Codec()
	r := TrackReport{
		PID: n, InForce: t.inForce, StreamType: t.Type, Codec: cmp.Or(t.layer, codec), Kind: kind.String(), StreamIDs: []int{},
		Packets: t.packets, PayloadBytes: t.bytes,
		BitsPerSecond: rate(t.packets, seconds(now)), AgeSeconds: seconds(now - t.seenAt),
		Frames: t.frames, RandomAccessPoints: t.entries,
		FirstPTSSeconds: float64(t.firstPTS) / mpegts.PTSHz, LastPTSSeconds: float64(t.lastPTS) / mpegts.PTSHz,
		BrokenStarts: t.broken, UnmarkedStarts: t.unmarked,
		DTSReverses: t.reverses, DTSJumps: t.jumps, LatePTSs: t.late, EarlyPTSs: t.early, DisorderedPTSs: t.disorder,
		PTSGaps: t.gaps, LongestPTSIntervalSeconds: seconds(t.widestGap),
		Holes: t.holes, LongestHoleSeconds: seconds(t.widest), FirstHoleAtSeconds: seconds(t.firstHole),
		CrowdedDTSs: t.crowds, ShortestDTSIntervalSeconds: float64(t.shortest) / mpegts.PTSHz, FirstCrowdedDTSAtSeconds: seconds(t.firstCrowd),
		Overlaps: t.overlaps, LongestOverlapSeconds: float64(t.deepest) / mpegts.PTSHz, FirstOverlapAtSeconds: seconds(t.firstOverlap),
	}
	for _, id := range t.streamIDs {
		r.StreamIDs = append(r.StreamIDs, int(id))
	}
	return r
}
