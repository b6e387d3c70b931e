package filler

// position is where the ith macroblock of a slice stands: in frames that may have
// macroblocks of fields they come in pairs, one above the other.
func (p *h264Pictures) position(i int) (x, y int) {
	columns := int(p.sps.PicWidthInMbsMinus1) + 1
	if !p.sps.MbAdaptiveFrameFieldFlag {
		return i % columns, i / columns
	}
	return i / 2 % columns, i/2/columns*2 + i%2
}

// fromWhere is the Intra16x16PredMode of a macroblock: the first one is predicted
// from nothing, the others of the top row from the left, the rest from above.
func fromWhere(x, y int) int {
	switch {
	case y > 0:
		return 0
	case x > 0:
		return 1
	}
	return 2
}

// black is the level of the first macroblock's luma, negated: from the middle, 128,
// it leads to 16, or to 0 where that is black.
func (p *h264Pictures) black() int {
	if vui := p.sps.VUI; vui != nil && vui.VideoFullRangeFlag {
		return 16
	}
	return 14
}

// intraCAVLC writes the macroblocks of a black picture (7.3.5, 9.2).
func (p *h264Pictures) intraCAVLC(w *bitWriter) {
	for i := range p.macroblocks() {
		if p.sps.MbAdaptiveFrameFieldFlag && i%2 == 0 {
			w.write(0, 1) // mb_field_decoding_flag
		}
		w.exp(uint64(fromWhere(p.position(i))) + 1) // mb_type
		if p.sps.ChromaFormatIdc != 0 {
			w.exp(0) // intra_chroma_pred_mode: DC, 128 where there is no neighbour
		}
		w.signed(0) // mb_qp_delta
		if i > 0 {
			w.write(1, 1) // coeff_token: no coefficient
			continue
		}
		w.write(5, 6)                        // coeff_token: one
		w.write(1, 15)                       // level_prefix 14
		w.write(uint64(2*p.black()-3-14), 4) // level_suffix
		w.write(1, 1)                        // total_zeros: 0
	}
	w.stop()
}

// intraCABAC is the same as slice data of its own (7.3.5, 9.3).
func (p *h264Pictures) intraCABAC() []byte {
	var w bitWriter
	c := newCABAC(&w, quantizer)
	n := p.macroblocks()
	for i := range n {
		x, y := p.position(i)
		if p.sps.MbAdaptiveFrameFieldFlag && i%2 == 0 {
			c.bin(ctxField, 0)
		}
		c.bin(ctxMbTypeI+min(x, 1)+min(y, 1), 1)
		c.end(0)               // I_PCM
		c.bin(ctxMbTypeI+3, 0) // luma AC coefficients
		c.bin(ctxMbTypeI+4, 0) // chroma coefficients
		c.bin(ctxMbTypeI+6, fromWhere(x, y)>>1)
		c.bin(ctxMbTypeI+7, fromWhere(x, y)&1)
		if p.sps.ChromaFormatIdc != 0 {
			c.bin(ctxChromaMode, 0)
		}
		c.bin(ctxQPDelta, 0)
		if i == 0 {
			p.levelCABAC(c)
		} else { // a neighbour that is missing or the first one counts as coded
			index := ctxCodedBlock
			if x == 0 || x == 1 && y == 0 {
				index++
			}
			if y == 0 || y == 1 && x == 0 {
				index += 2
			}
			c.bin(index, 0)
		}
		p.endCABAC(c, i, n)
	}
	return w.buf
}

// levelCABAC writes the only coefficient of the picture.
func (p *h264Pictures) levelCABAC(c *cabacWriter) {
	c.bin(ctxCodedBlock+3, 1)
	c.bin(ctxSignificant, 1)
	c.bin(ctxLast, 1)
	level := p.black() - 1 // coeff_abs_level_minus1
	c.bin(ctxLevel+1, 1)
	for range min(level, 14) - 1 {
		c.bin(ctxLevel+5, 1)
	}
	if level < 14 {
		c.bin(ctxLevel+5, 0)
	} else { // 15 - 14, by the code of 9.3.2.3
		c.even(1)
		c.even(0)
		c.even(0)
	}
	c.even(1) // below 0
}

// skippedCABAC is the slice data of a picture whose macroblocks are all skipped.
func (p *h264Pictures) skippedCABAC() []byte {
	var w bitWriter
	c := newCABAC(&w, quantizer)
	n := p.macroblocks()
	for i := range n {
		c.bin(ctxSkipP, 1)
		p.endCABAC(c, i, n)
	}
	return w.buf
}

// endCABAC writes whether the ith of n macroblocks is the last. Of a pair the
// first is not asked.
func (p *h264Pictures) endCABAC(c *cabacWriter, i, n int) {
	switch {
	case i == n-1:
		c.end(1)
	case !p.sps.MbAdaptiveFrameFieldFlag || i%2 == 1:
		c.end(0)
	}
}
