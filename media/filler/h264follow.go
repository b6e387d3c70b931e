package filler

import (
	"bytes"

	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// maxSliceHeader holds the fields of a slice header that follow reads, in bytes.
const maxSliceHeader = 32

// sequence returns the last sequence parameter set in es, nil where there is none.
func sequence(es []byte) (sps []byte) {
	for unit := range units(es) {
		if unit[0]&0x1f == 7 {
			sps = bytes.TrimRight(unit, "\x00")
		}
	}
	return sps
}

// follow returns frame_num and pic_order_cnt_lsb of a reference picture behind the
// one that begins with last (7.4.3). It is false where they cannot be told.
func (p *h264Pictures) follow(last []byte) (number, order uint64, ok bool) {
	for unit := range units(last) {
		if kind := unit[0] & 0x1f; kind == 1 || kind == 5 {
			return p.followSlice(unit[0], h264.EmulationPreventionRemove(unit[1:min(len(unit), maxSliceHeader)]))
		}
	}
	return 0, 0, false
}

// followSlice is follow for the slice behind the first byte of its unit (7.3.3).
func (p *h264Pictures) followSlice(first byte, slice []byte) (number, order uint64, ok bool) {
	at := 0
	for range 3 { // first_mb_in_slice, slice_type, pic_parameter_set_id
		if _, err := bits.ReadGolombUnsigned(slice, &at); err != nil {
			return 0, 0, false
		}
	}
	number, err := bits.ReadBits(slice, &at, p.numberBits())
	if err != nil {
		return 0, 0, false
	}
	if !p.sps.FrameMbsOnlyFlag {
		if field, err := bits.ReadFlag(slice, &at); err != nil || field {
			return 0, 0, false
		}
	}
	if first&0x1f == 5 { // idr_pic_id
		if _, err := bits.ReadGolombUnsigned(slice, &at); err != nil {
			return 0, 0, false
		}
	}
	if p.sps.PicOrderCntType == 0 {
		if order, err = bits.ReadBits(slice, &at, p.orderBits()); err != nil {
			return 0, 0, false
		}
	}
	if first>>5&3 != 0 { // it is a reference itself
		number++
	}
	return number, order + 2, true
}
