package filler

// A cabacWriter codes bins arithmetically (ITU-T H.264, 9.3.4.2).
type cabacWriter struct {
	w           *bitWriter
	low, width  int
	outstanding int
	begun       bool // the first bit is not written
	contexts    [ctxLevel + 6]context
}

// A context is what is known of a bin: its likely value and how likely it is.
type context struct{ state, likely int }

// newCABAC begins the data of a slice with that QP, at a whole byte.
func newCABAC(w *bitWriter, quantizer int) *cabacWriter {
	c := &cabacWriter{w: w, width: 510}
	for index, mn := range contextInit {
		pre := min(max(mn[0]*quantizer>>4+mn[1], 1), 126)
		if c.contexts[index] = (context{63 - pre, 0}); pre > 63 {
			c.contexts[index] = context{pre - 64, 1}
		}
	}
	return c
}

// Syntax elements by the ctxIdx of their first context (table 9-34).
const (
	ctxMbTypeI     = 3
	ctxSkipP       = 11
	ctxQPDelta     = 60
	ctxChromaMode  = 64
	ctxField       = 70
	ctxCodedBlock  = 85 // of Intra16x16DCLevel, like those below
	ctxSignificant = 105
	ctxLast        = 166
	ctxLevel       = 227
)

// contextInit are m and n of the contexts in use: of I slices, and of P slices
// with cabac_init_idc 0 (tables 9-12 to 9-33).
var contextInit = map[int][2]int{
	ctxMbTypeI: {20, -15}, ctxMbTypeI + 1: {2, 54}, ctxMbTypeI + 2: {3, 74}, ctxMbTypeI + 3: {-28, 127},
	ctxMbTypeI + 4: {-23, 104}, ctxMbTypeI + 6: {-1, 54}, ctxMbTypeI + 7: {7, 51},
	ctxSkipP: {23, 33}, ctxQPDelta: {0, 41}, ctxChromaMode: {-9, 83}, ctxField: {0, 11},
	ctxCodedBlock: {-17, 123}, ctxCodedBlock + 1: {-12, 115}, ctxCodedBlock + 2: {-16, 122}, ctxCodedBlock + 3: {-11, 115},
	ctxSignificant: {-7, 93}, ctxLast: {24, 0}, ctxLevel + 1: {-6, 42}, ctxLevel + 5: {0, 58},
}

// bin codes a bin by its context.
func (c *cabacWriter) bin(index, value int) {
	x := &c.contexts[index]
	least := int(leastRange[x.state][c.width>>6&3])
	c.width -= least
	if value == x.likely {
		x.state = min(x.state+1, 62)
	} else {
		c.low, c.width = c.low+c.width, least
		if x.state == 0 {
			x.likely = 1 - x.likely
		}
		x.state = int(nextLeast[x.state])
	}
	c.shift()
}

// even codes a bin that is as likely 0 as 1.
func (c *cabacWriter) even(value int) {
	c.low += c.low + value*c.width
	c.carry(1024)
}

// end codes whether what follows is the end: of the slice, or of all but the
// samples of a macroblock. The slice's end is its stop bit too.
func (c *cabacWriter) end(value int) {
	c.width -= 2
	if value == 0 {
		c.shift()
		return
	}
	c.low, c.width = c.low+c.width, 2
	c.shift()
	c.put(uint64(c.low >> 9 & 1))
	c.w.write(uint64(c.low>>7&3|1), 2)
	c.w.align()
}

func (c *cabacWriter) shift() {
	for c.width < 256 {
		c.carry(512)
		c.width, c.low = c.width<<1, c.low<<1
	}
}

// carry writes the highest bit of low, as soon as it is known: half is its weight.
func (c *cabacWriter) carry(half int) {
	switch {
	case c.low >= half:
		c.low -= half
		c.put(1)
	case c.low < half/2:
		c.put(0)
	default:
		c.low -= half / 2
		c.outstanding++
	}
}

func (c *cabacWriter) put(bit uint64) {
	if c.begun {
		c.w.write(bit, 1)
	}
	c.begun = true
	for ; c.outstanding > 0; c.outstanding-- {
		c.w.write(1-bit, 1)
	}
}

// leastRange is rangeTabLPS (table 9-44).
var leastRange = [64][4]byte{
	{128, 176, 208, 240}, {128, 167, 197, 227}, {128, 158, 187, 216}, {123, 150, 178, 205},
	{116, 142, 169, 195}, {111, 135, 160, 185}, {105, 128, 152, 175}, {100, 122, 144, 166},
	{95, 116, 137, 158}, {90, 110, 130, 150}, {85, 104, 123, 142}, {81, 99, 117, 135},
	{77, 94, 111, 128}, {73, 89, 105, 122}, {69, 85, 100, 116}, {66, 80, 95, 110},
	{62, 76, 90, 104}, {59, 72, 86, 99}, {56, 69, 81, 94}, {53, 65, 77, 89},
	{51, 62, 73, 85}, {48, 59, 69, 80}, {46, 56, 66, 76}, {43, 53, 63, 72},
	{41, 50, 59, 69}, {39, 48, 56, 65}, {37, 45, 54, 62}, {35, 43, 51, 59},
	{33, 41, 48, 56}, {32, 39, 46, 53}, {30, 37, 43, 50}, {29, 35, 41, 48},
	{27, 33, 39, 45}, {26, 31, 37, 43}, {24, 30, 35, 41}, {23, 28, 33, 39},
	{22, 27, 32, 37}, {21, 26, 30, 35}, {20, 24, 29, 33}, {19, 23, 27, 31},
	{18, 22, 26, 30}, {17, 21, 25, 28}, {16, 20, 23, 27}, {15, 19, 22, 25},
	{14, 18, 21, 24}, {14, 17, 20, 23}, {13, 16, 19, 22}, {12, 15, 18, 21},
	{12, 14, 17, 20}, {11, 14, 16, 19}, {11, 13, 15, 18}, {10, 12, 15, 17},
	{10, 12, 14, 16}, {9, 11, 13, 15}, {9, 11, 12, 14}, {8, 10, 12, 14},
	{8, 9, 11, 13}, {7, 9, 11, 12}, {7, 9, 10, 12}, {7, 8, 10, 11},
	{6, 8, 9, 11}, {6, 7, 9, 10}, {6, 7, 8, 9}, {2, 2, 2, 2},
}

// nextLeast is transIdxLPS (table 9-45).
var nextLeast = [64]byte{
	0, 0, 1, 2, 2, 4, 4, 5, 6, 7, 8, 9, 9, 11, 11, 12,
	13, 13, 15, 15, 16, 16, 18, 18, 19, 19, 21, 21, 22, 22, 23, 24,
	24, 25, 26, 26, 27, 27, 28, 29, 29, 30, 30, 30, 31, 32, 32, 33,
	33, 33, 34, 34, 35, 35, 35, 36, 36, 36, 37, 37, 37, 38, 38, 63,
}
