package filler

// picture is a black frame whose temporal_reference is 0: intra-coded, or a
// predicted one that repeats the last (11172-2, 2.4.2.5; 13818-2, 6.2.3).
func (s *mpegSequence) picture(intra bool, columns, rows int) []byte {
	var w bitWriter
	w.write(0x100|codePicture, 32)
	w.write(0, 10) // temporal_reference
	if intra {
		w.write(1, 3)       // picture_coding_type
		w.write(0xffff, 16) // vbv_delay: variable bit rate
	} else {
		w.write(2, 3)
		w.write(0xffff, 16)
		w.write(0, 1) // full_pel_forward_vector
		w.write(s.fcode(), 3)
	}
	w.write(0, 1) // extra_bit_picture
	w.align()
	if s.mpeg2 {
		s.writeExtension(&w, intra)
	} else {
		columns, rows = columns*rows, 1 // one slice is enough
	}
	for row := range rows {
		w.write(0x101+uint64(row), 32)
		w.write(1, 5) // quantizer_scale
		w.write(0, 1) // extra_bit_slice
		if intra {
			s.writeIntra(&w, columns)
		} else {
			writeSkipped(&w, columns)
		}
		w.align()
	}
	return w.buf
}

// fcode is the forward_f_code of the picture header. MPEG-2 has its own elsewhere.
func (s *mpegSequence) fcode() uint64 {
	if s.mpeg2 {
		return 7
	}
	return 1
}

// writeExtension writes a picture coding extension (13818-2, 6.2.3.1).
func (s *mpegSequence) writeExtension(w *bitWriter, intra bool) {
	w.write(0x100|codeExtension, 32)
	w.write(8, 4)
	if intra {
		w.write(0xffff, 16) // no vectors
	} else {
		w.write(0x11ff, 16) // f_code 1 forward
	}
	w.write(0, 2)          // intra_dc_precision: 8 bits
	w.write(3, 2)          // picture_structure: frame
	w.flag(!s.progressive) // top_field_first
	w.flag(true)           // frame_pred_frame_dct
	w.write(0, 5)          // concealment_motion_vectors to repeat_first_field
	w.flag(s.chroma == 2)  // chroma_420_type
	w.flag(true)           // progressive_frame
	w.flag(false)          // composite_display_flag
	w.align()
}

// writeIntra writes n intra-coded macroblocks of Y = 16, Cb = Cr = 128: DC
// coefficients are predicted from 128 at the start of a slice, and from the
// block before in it (11172-2, 2.4.4.1; tables B.1, B.2a, B.5).
func (s *mpegSequence) writeIntra(w *bitWriter, n int) {
	for i := range n {
		w.write(3, 2) // macroblock_address_increment 1, macroblock_type intra
		for block := range 4 {
			if i == 0 && block == 0 {
				w.write(0x3e, 6) // dct_dc_size_luminance 7
				w.write(15, 7)   // 16 - 128
			} else {
				w.write(4, 3) // no difference
			}
			w.write(2, 2) // end_of_block
		}
		for range s.chroma {
			w.write(2, 4) // no difference, end_of_block
		}
	}
}

// writeSkipped writes n macroblocks that repeat the last picture. The first and
// the last of a slice must be coded: they are, with a vector of 0 and no
// coefficients (table B.2b: 001).
func writeSkipped(w *bitWriter, n int) {
	const still = 1<<2 | 1<<1 | 1 // macroblock_type, motion_horizontal_forward_code, motion_vertical_forward_code
	w.write(1, 1)
	w.write(still, 5)
	if n > 1 {
		writeIncrement(w, n-1)
		w.write(still, 5)
	}
}

// writeIncrement writes a macroblock_address_increment (table B.1).
func writeIncrement(w *bitWriter, n int) {
	for ; n > 33; n -= 33 {
		w.write(8, 11) // macroblock_escape
	}
	for i := len(increments) - 1; ; i-- {
		if c := increments[i]; n >= c.first {
			w.write(uint64(c.code-(n-c.first)), c.bits)
			return
		}
	}
}

// increments are the codes of macroblock_address_increment: that of first has
// so many bits, those of the next ones, up to the next line, are one less each.
var increments = [...]struct{ first, bits, code int }{
	{1, 1, 1}, {2, 3, 3}, {4, 4, 3}, {6, 5, 3}, {8, 7, 7}, {10, 8, 11}, {16, 10, 23}, {22, 11, 35},
}
