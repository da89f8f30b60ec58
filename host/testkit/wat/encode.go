package wat

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// unsigned appends v as unsigned LEB128.
func unsigned(b []byte, v uint64) []byte {
	return binary.AppendUvarint(b, v)
}

// signed appends v as signed LEB128.
func signed(b []byte, v int64) []byte {
	for v < -64 || v > 63 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v)&0x7f)
}

// sized appends a length and the bytes.
func sized(b []byte, content string) []byte {
	return append(unsigned(b, uint64(len(content))), content...)
}

// integer reads a number of the given bits, signed or not, as its two's
// complement.
func integer(n node, bits int) int64 {
	text := strings.ReplaceAll(n.text, "_", "")
	if n.kind == atom {
		if v, err := strconv.ParseInt(strings.TrimPrefix(text, "+"), 0, 64); err == nil && v >= -1<<(bits-1) && (bits == 64 || v < 1<<bits) {
			return v << (64 - bits) >> (64 - bits)
		}
		if v, err := strconv.ParseUint(text, 0, 64); err == nil && bits == 64 {
			return int64(v)
		}
	}
	fail(n.line, "%q is not a number of %d bits", n.text, bits)
	return 0
}

// count reads an unsigned number of 32 bits.
func count(n node) uint64 {
	v, err := strconv.ParseUint(strings.ReplaceAll(n.text, "_", ""), 0, 32)
	if n.kind != atom || err != nil {
		fail(n.line, "%q is not an unsigned number of 32 bits", n.text)
	}
	return v
}

// isNumber says whether a node can be an index or a size.
func isNumber(n node) bool { return n.kind == atom && n.text[0] >= '0' && n.text[0] <= '9' }

// float appends a floating-point number of the given bits.
func float(b []byte, n node, bits int) []byte {
	text := strings.ReplaceAll(n.text, "_", "")
	if strings.Contains(text, "0x") && !strings.ContainsAny(text, "pP") {
		text += "p0"
	}
	v, err := strconv.ParseFloat(text, bits)
	if n.kind != atom || err != nil {
		fail(n.line, "%q is not a floating-point number of %d bits", n.text, bits)
	}
	if bits == 32 {
		wide := math.Float32bits(float32(v))
		if math.IsNaN(v) {
			wide = 0x7fc00000 | uint32(sign(text))<<31
		}
		return binary.LittleEndian.AppendUint32(b, wide)
	}
	wide := math.Float64bits(v)
	if math.IsNaN(v) {
		wide = 0x7ff8<<48 | sign(text)<<63
	}
	return binary.LittleEndian.AppendUint64(b, wide)
}

func sign(text string) uint64 {
	if strings.HasPrefix(text, "-") {
		return 1
	}
	return 0
}
