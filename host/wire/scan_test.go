package wire

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestPlainFindsTheFirst holds the search by eight bytes against one byte by
// byte, with bytes around those that it looks for.
func TestPlainFindsTheFirst(t *testing.T) {
	near := []byte{0, 1, 0x1f, ' ', '!', '"', '#', '[', '\\', ']', 'a', 0x7f, 0x80, 0x9f, 0xa0, 0xa2, 0xdc, 0xff}
	special := func(c byte) bool { return c == '"' || c == '\\' || c < ' ' }
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.SampledFrom(near), 0, 40).Draw(t, "bytes")
		if rapid.Bool().Draw(t, "long") {
			p = append(bytes.Repeat([]byte{'a'}, 30), p...)
		}
		from := rapid.IntRange(0, len(p)).Draw(t, "from")
		want := from
		for want < len(p) && !special(p[want]) {
			want++
		}
		if got := plain(p, from); got != want {
			t.Fatalf("plain(%q, %d) = %d, want %d", p, from, got, want)
		}
	})
}
