package filler

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// nal_unit_type and nal_ref_idc (ITU-T H.264, 7.4.1).
const (
	nalP         = 0x41
	nalIDR       = 0x65
	nalPPS       = 0x68
	nalDelimiter = 0x09
)

// maxSPS bounds a sequence parameter set, which leaves as it came, in bytes: all
// of 12 scaling lists and 64 schedules fit in.
const maxSPS = 2048

var errParameters = errors.New("the sequence parameter set is not valid: no black picture can be made")

// h264Pictures are black pictures of H.264. They have the sequence parameter set
// of the source, so that a decoder is not configured anew, and a picture
// parameter set of their own whose id the source does not use.
type h264Pictures struct {
	sps    h264.SPS
	pps    uint64
	seen   []byte    // parameter sets of the source, as far as they are needed
	first  [2][]byte // IDR pictures, with idr_pic_id 0 and 1: two in a row must differ
	firsts int
	// Slice data of both, where they are coded by CABAC: they begin at a whole byte.
	firstData, nextData []byte
	next                bitWriter
	unit                []byte
}

func newH264(es []byte) (*h264Pictures, error) {
	sps, pps, seen, err := readParameters(es)
	if err != nil {
		return nil, err
	}
	p := &h264Pictures{pps: pps, seen: seen}
	if err := p.sps.Unmarshal(sps); err != nil {
		return nil, fmt.Errorf("read sequence parameter set: %w", err)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if p.cabac() {
		p.firstData, p.nextData = p.intraCABAC(), p.skippedCABAC()
	}
	for id := range p.first {
		b := appendNAL(nil, []byte{nalDelimiter, 0xf0})
		b = append(append(b, 0, 0, 0, 1), sps...)
		b = appendNAL(b, p.parameters())
		p.first[id] = appendNAL(b, p.idr(uint64(id)))
	}
	return p, nil
}

// readParameters returns the last sequence parameter set in es, the highest id of
// picture parameter sets that is not used there, and what of es tells both.
func readParameters(es []byte) (sps []byte, pps uint64, seen []byte, err error) {
	const idOfPPS = 8 // bytes of a picture parameter set that hold its id
	var used [256]bool
	for unit := range units(es) {
		if unit[0]&0x1f != 8 {
			continue
		}
		seen = append(append(seen, startCode...), unit[:min(len(unit), idOfPPS)]...)
		at := 8
		if id, err := bits.ReadGolombUnsigned(unit, &at); err == nil && id < 256 {
			used[id] = true
		}
	}
	if sps = sequence(es); sps == nil {
		return nil, 0, nil, errors.New("the video has no sequence parameter set: no black picture can be made")
	}
	if len(sps) > maxSPS {
		return nil, 0, nil, errParameters
	}
	for pps = 255; pps > 0 && used[pps]; pps-- {
	}
	if used[pps] {
		return nil, 0, nil, errors.New("the video uses all ids of picture parameter sets: no black picture can be made")
	}
	return sps, pps, append(append(seen, startCode...), sps...), nil
}

// check reports what cannot be filled.
func (p *h264Pictures) check() error {
	s := &p.sps
	size := uint64(s.PicWidthInMbsMinus1+1) * uint64(s.PicHeightInMapUnitsMinus1+1)
	if !s.FrameMbsOnlyFlag {
		size *= 2
	}
	switch {
	case s.PicWidthInMbsMinus1 >= maxMacroblocks || s.PicHeightInMapUnitsMinus1 >= maxMacroblocks || size > maxMacroblocks:
		return errSize
	case s.ChromaFormatIdc > 2:
		return errors.New("no black picture can be made for H.264 of 4:4:4")
	case s.ID > 31 || s.BitDepthLumaMinus8 > 6 || s.BitDepthChromaMinus8 > 6 ||
		s.Log2MaxFrameNumMinus4 > 12 || s.Log2MaxPicOrderCntLsbMinus4 > 12:
		return errParameters
	case s.PicOrderCntType == 1 && !ordered(s.OffsetForRefFrames):
		return errors.New("no black picture can be made for H.264 whose order of pictures does not grow by itself")
	}
	return nil
}

// ordered reports whether each reference picture comes after the one before
// (8.2.1.2).
func ordered(offsets []int32) bool {
	for _, o := range offsets {
		if o <= 0 {
			return false
		}
	}
	return len(offsets) > 0
}

// reorder is how many pictures a decoder may hold back (E.2.1).
func (p *h264Pictures) reorder() int {
	s := &p.sps
	switch {
	case s.VUI != nil && s.VUI.BitstreamRestriction != nil:
		return int(min(s.VUI.BitstreamRestriction.MaxNumReorderFrames, 16))
	case s.PicOrderCntType == 2 || s.ProfileIdc == 66:
		return 0
	}
	return int(min(s.MaxNumRefFrames, 16))
}

func (p *h264Pictures) headers() []byte { return p.seen }

func (p *h264Pictures) intra() []byte {
	p.firsts++
	return p.first[p.firsts&1]
}

func (p *h264Pictures) skip(n int) []byte {
	if p.sps.MaxNumRefFrames == 0 { // nothing to repeat
		return p.intra()
	}
	p.next = bitWriter{buf: p.next.buf[:0]}
	p.predicted(&p.next, uint64(n), 2*uint64(n))
	p.unit = appendNAL(p.unit[:0], []byte{nalDelimiter, 0xf0})
	p.unit = appendNAL(p.unit, p.next.buf)
	return p.unit
}

func (p *h264Pictures) repeat(last []byte) []byte {
	number, order, ok := p.follow(last)
	if !ok || p.sps.MaxNumRefFrames == 0 {
		return nil
	}
	var w bitWriter
	p.predicted(&w, number, order)
	b := appendNAL(nil, []byte{nalDelimiter, 0xf0})
	return appendNAL(appendNAL(b, p.parameters()), w.buf)
}

// appendNAL appends a NAL unit with a start code to dst (7.3.1, B.1.1).
func appendNAL(dst, unit []byte) []byte {
	dst = append(dst, 0, 0, 0, 1)
	zeros := 0
	for _, b := range unit {
		if zeros == 2 && b <= 3 {
			dst, zeros = append(dst, 3), 0 // emulation_prevention_three_byte
		}
		if zeros++; b != 0 {
			zeros = 0
		}
		dst = append(dst, b)
	}
	return dst
}
