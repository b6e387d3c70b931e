package mpegts

import "bytes"

const (
	firstFree  = 0x0010 // the lowest PID that a PMT may have (table 2-3)
	maxPackets = 6      // that are kept of one table: a section has at most 1,024 bytes
)

// A ProgramReader follows the first program that a transport stream's PAT names
// and the PMT of that program (2.4.4). A PAT may have many sections, each of
// them repeated alone: the first program is that of the lowest section_number.
// The zero value is ready.
type ProgramReader struct {
	Version byte   // of the PAT
	Number  uint16 // program_number
	PMTPID  uint16 // 0 while not known
	PMT     PMT    // in force; it goes on until the next, if the PAT names another program
	Known   bool   // PMT has come

	pat, pmt table
	part     byte // section_number that names the program, or is to
}

// A table is the newest section of one PID that is followed.
type table struct {
	reader  SectionReader
	section []byte
	whole   []byte // packets of section
	packets []byte // that have come since the last section began
}

// Carries reports whether a PID is the PAT's or the PMT's.
func (r *ProgramReader) Carries(pid uint16) bool { return pid == PATPID || pid == r.PMTPID }

// Feed takes the next packet of a PID that the reader Carries. It reports
// whether another PMT has come into force.
func (r *ProgramReader) Feed(p Packet) (changed bool) {
	if p.PID() == PATPID {
		r.pat.take(p, r.readPAT)
		return false
	}
	r.pmt.take(p, func(section []byte) bool {
		pmt, err := ParsePMT(section)
		if err != nil || pmt.Program != r.Number {
			return false
		}
		r.PMT, r.Known, changed = pmt, true, true
		return true
	})
	return changed
}

// take adds a packet and hands a section to read, if it applies now and differs from the
// one that read has followed last. read reports whether it follows it.
func (t *table) take(p Packet, read func(section []byte) bool) {
	if p.UnitStart() {
		t.packets = t.packets[:0]
	}
	if len(t.packets) < maxPackets*PacketSize {
		t.packets = append(t.packets, p...)
	}
	t.reader.Feed(p, func(section []byte) {
		if !Current(section) {
			return
		}
		if !bytes.Equal(section, t.section) {
			if !read(section) {
				return
			}
			t.section = append(t.section[:0], section...)
		}
		t.whole = append(t.whole[:0], t.packets...)
	})
}

// readPAT follows a section that names the first program. A first section that
// names none makes the next one the first.
func (r *ProgramReader) readPAT(section []byte) bool {
	pat, err := ParsePAT(section)
	if err != nil {
		return false
	}
	if pat.Version != r.Version {
		r.Version, r.part = pat.Version, 0
	}
	number, last := section[6], section[7]
	if number > r.part {
		return false
	}
	if len(pat.Programs) == 0 {
		if number == r.part && number < last {
			r.part++
		}
		return false
	}
	first := pat.Programs[0]
	if first.PMTPID < firstFree || first.PMTPID == NullPID {
		return false
	}
	r.part = number
	if first.PMTPID != r.PMTPID || first.Number != r.Number {
		r.Number, r.PMTPID = first.Number, first.PMTPID
		r.pmt = table{}
	}
	return true
}

// AppendPackets appends the packets of the PAT and the PMT as they came last.
func (r *ProgramReader) AppendPackets(dst []byte) []byte {
	return append(append(dst, r.pat.whole...), r.pmt.whole...)
}

// DropPackets forgets the packets of the tables, but not what they say.
func (r *ProgramReader) DropPackets() { r.pat.whole, r.pmt.whole = nil, nil }
