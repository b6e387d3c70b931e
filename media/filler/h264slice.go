package filler

// quantizer is the slices' QP. A luma DC level of -14 is then a difference of
// -112 in each sample, from 128 to 16; -16 is one of -128 (ITU-T H.264, 8.5.10).
// More bits a sample scale both sides alike.
const quantizer = 46

// parameters is the picture parameter set (7.3.2.2): one reference, no weights, no
// deblocking.
func (p *h264Pictures) parameters() []byte {
	w := bitWriter{buf: []byte{nalPPS}}
	w.exp(p.pps)
	w.exp(uint64(p.sps.ID))
	w.flag(p.cabac()) // entropy_coding_mode_flag
	w.write(0, 1)     // bottom_field_pic_order_in_frame_present_flag
	w.exp(0)          // num_slice_groups_minus1
	w.exp(0)          // num_ref_idx_l0_default_active_minus1
	w.exp(0)          // num_ref_idx_l1_default_active_minus1
	w.write(0, 1)     // weighted_pred_flag
	w.write(0, 2)     // weighted_bipred_idc
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

// cabac reports whether the profile has CABAC, in which macroblocks that are all
// alike take a tenth of a bit. Those for Baseline and Extended have not (A.2).
func (p *h264Pictures) cabac() bool {
	return p.sps.ProfileIdc != 66 && p.sps.ProfileIdc != 88 && !p.sps.ConstraintSet0Flag
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
	if p.cabac() {
		w.alignOnes() // cabac_alignment_one_bit
		w.buf = append(w.buf, p.firstData...)
	} else {
		p.intraCAVLC(&w)
	}
	return w.buf
}

// predicted writes a picture whose macroblocks are all skipped: of this frame_num,
// and order, the pic_order_cnt_lsb. It is a reference itself, so that all types of
// picture order count go on.
func (p *h264Pictures) predicted(w *bitWriter, number, order uint64) {
	w.write(nalP, 8)
	p.sliceHeader(w, 5, number)
	p.pictureOrder(w, order)
	w.write(0, 1) // num_ref_idx_active_override_flag
	w.write(0, 1) // ref_pic_list_modification_flag_l0
	w.write(0, 1) // adaptive_ref_pic_marking_mode_flag
	if p.cabac() {
		w.exp(0) // cabac_init_idc
	}
	p.sliceControl(w)
	if p.cabac() {
		w.alignOnes() // cabac_alignment_one_bit
		w.buf = append(w.buf, p.nextData...)
		return
	}
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

// sliceHeader writes the first fields of a slice header (7.3.3).
func (p *h264Pictures) sliceHeader(w *bitWriter, sliceType, number uint64) {
	w.exp(0) // first_mb_in_slice
	w.exp(sliceType)
	w.exp(p.pps)
	w.write(number, p.numberBits()) // frame_num
	if !p.sps.FrameMbsOnlyFlag {
		w.write(0, 1) // field_pic_flag
	}
}

// numberBits and orderBits are the lengths of frame_num and pic_order_cnt_lsb.
func (p *h264Pictures) numberBits() int { return int(p.sps.Log2MaxFrameNumMinus4) + 4 }
func (p *h264Pictures) orderBits() int  { return int(p.sps.Log2MaxPicOrderCntLsbMinus4) + 4 }

// pictureOrder writes what each type of picture order count wants (8.2.1).
func (p *h264Pictures) pictureOrder(w *bitWriter, order uint64) {
	switch {
	case p.sps.PicOrderCntType == 0:
		w.write(order, p.orderBits())
	case p.sps.PicOrderCntType == 1 && !p.sps.DeltaPicOrderAlwaysZeroFlag:
		w.signed(0) // delta_pic_order_cnt[0]
	}
}

// sliceControl writes the last fields of a slice header.
func (p *h264Pictures) sliceControl(w *bitWriter) {
	w.signed(0) // slice_qp_delta
	w.exp(1)    // disable_deblocking_filter_idc
}
