package filler

// quantizer is the slices' QP. A luma DC level of -14 is then a difference of
// -112 in each sample, from 128 to 16; -16 is one of -128 (ITU-T H.264, 8.5.10).
// More bits a sample scale both sides alike.
const quantizer = 46

// parameters is the picture parameter set (7.3.2.2): CAVLC, one reference, no
// weights, no deblocking.
func (p *h264Pictures) parameters() []byte {
	w := bitWriter{buf: []byte{nalPPS}}
	w.exp(p.pps)
	w.exp(uint64(p.sps.ID))
	w.write(0, 1) // entropy_coding_mode_flag
	w.write(0, 1) // bottom_field_pic_order_in_frame_present_flag
	w.exp(0)      // num_slice_groups_minus1
	w.exp(0)      // num_ref_idx_l0_default_active_minus1
	w.exp(0)      // num_ref_idx_l1_default_active_minus1
	w.write(0, 1) // weighted_pred_flag
	w.write(0, 2) // weighted_bipred_idc
	w.signed(quantizer - 26)
	w.signed(0)   // pic_init_qs_minus26
	w.signed(0)   // chroma_qp_index_offset
	w.write(1, 1) // deblocking_filter_control_present_flag
	w.write(0, 1) // constrained_intra_pred_flag
	w.write(0, 1) // redundant_pic_cnt_present_flag
	if p.high() {
		// A matrix of the source's would change the level's weight: a flat one.
		w.write(0, 1) // transform_8x8_mode_flag
		w.write(1, 1) // pic_scaling_matrix_present_flag
		w.write(1, 1) // that of intra-coded luma is here, the others are not
		w.signed(16 - 8)
		for range 15 {
			w.signed(0)
		}
		w.write(0, 5)
		w.signed(0) // second_chroma_qp_index_offset
	}
	w.stop()
	return w.buf
}

// high reports whether the profile has the fields that High brought (7.3.2.1.1).
func (p *h264Pictures) high() bool {
	switch p.sps.ProfileIdc {
	case 66, 77, 88:
		return false
	}
	return true
}

// idr is a black picture: the first macroblock says what black is, the others
// are predicted from it.
func (p *h264Pictures) idr(id uint64) []byte {
	w := bitWriter{buf: []byte{nalIDR}}
	p.sliceHeader(&w, 7, 0)
	w.exp(id)
	p.pictureOrder(&w, 0)
	w.write(0, 2) // no_output_of_prior_pics_flag, long_term_reference_flag
	p.sliceControl(&w)
	columns := int(p.sps.PicWidthInMbsMinus1) + 1
	for i := range p.macroblocks() {
		inTop := i < columns
		if p.sps.MbAdaptiveFrameFieldFlag { // in pairs, one above the other
			inTop = i < 2*columns && i%2 == 0
			if i%2 == 0 {
				w.write(0, 1) // mb_field_decoding_flag
			}
		}
		switch {
		case i == 0:
			p.macroblock(&w, 3) // I_16x16_2_0_0: predicted from nothing
			w.write(5, 6)       // coeff_token: one coefficient
			w.write(1, 15)      // level_prefix 14
			w.write(p.blackLevel(), 4)
			w.write(1, 1) // total_zeros: 0
		case inTop:
			p.macroblock(&w, 2) // from the left
			w.write(1, 1)       // coeff_token: none
		default:
			p.macroblock(&w, 1) // from above
			w.write(1, 1)
		}
	}
	w.stop()
	return w.buf
}

// blackLevel is the level_suffix that makes the level -14, or -16 where black is
// 0 (9.2.2.1).
func (p *h264Pictures) blackLevel() uint64 {
	if vui := p.sps.VUI; vui != nil && vui.VideoFullRangeFlag {
		return 2*16 - 3 - 14
	}
	return 2*14 - 3 - 14
}

// macroblock writes an intra-coded macroblock up to its coefficients (7.3.5).
func (p *h264Pictures) macroblock(w *bitWriter, mbType uint64) {
	w.exp(mbType)
	if p.sps.ChromaFormatIdc != 0 {
		w.exp(0) // intra_chroma_pred_mode: DC, 128 where there is no neighbour
	}
	w.signed(0) // mb_qp_delta
}

// predicted writes the nth picture behind an IDR: one whose macroblocks are all
// skipped. It is a reference itself, so that all types of picture order count
// go on.
func (p *h264Pictures) predicted(w *bitWriter, n uint64) {
	w.write(nalP, 8)
	p.sliceHeader(w, 5, n)
	p.pictureOrder(w, n)
	w.write(0, 1) // num_ref_idx_active_override_flag
	w.write(0, 1) // ref_pic_list_modification_flag_l0
	w.write(0, 1) // adaptive_ref_pic_marking_mode_flag
	p.sliceControl(w)
	w.exp(uint64(p.macroblocks())) // mb_skip_run
	w.stop()
}

func (p *h264Pictures) macroblocks() int {
	n := int(p.sps.PicWidthInMbsMinus1+1) * int(p.sps.PicHeightInMapUnitsMinus1+1)
	if !p.sps.FrameMbsOnlyFlag {
		n *= 2
	}
	return n
}

// sliceHeader writes the first fields of a slice header (7.3.3), for the nth
// picture behind an IDR.
func (p *h264Pictures) sliceHeader(w *bitWriter, sliceType, n uint64) {
	w.exp(0) // first_mb_in_slice
	w.exp(sliceType)
	w.exp(p.pps)
	w.write(n, int(p.sps.Log2MaxFrameNumMinus4)+4) // frame_num
	if !p.sps.FrameMbsOnlyFlag {
		w.write(0, 1) // field_pic_flag
	}
}

// pictureOrder writes what each type of picture order count wants (8.2.1).
func (p *h264Pictures) pictureOrder(w *bitWriter, n uint64) {
	switch {
	case p.sps.PicOrderCntType == 0:
		w.write(2*n, int(p.sps.Log2MaxPicOrderCntLsbMinus4)+4)
	case p.sps.PicOrderCntType == 1 && !p.sps.DeltaPicOrderAlwaysZeroFlag:
		w.signed(0) // delta_pic_order_cnt[0]
	}
}

// sliceControl writes the last fields of a slice header.
func (p *h264Pictures) sliceControl(w *bitWriter) {
	w.signed(0) // slice_qp_delta
	w.exp(1)    // disable_deblocking_filter_idc
}
