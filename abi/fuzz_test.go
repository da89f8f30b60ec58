package abi_test

import (
	"bytes"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
)

// FuzzDecodeStrict feeds foreign bytes to the binary codec: it never panics,
// and what it accepts survives both encodings unchanged.
func FuzzDecodeStrict(f *testing.F) {
	for _, g := range golden {
		f.Add(abi.AppendMessage(nil, g.value))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		for name, empty := range messages {
			m := empty()
			if abi.DecodeStrict(wire, m) != nil {
				continue
			}
			binary := abi.AppendMessage(nil, m)
			again := empty()
			if err := abi.DecodeStrict(binary, again); err != nil {
				t.Fatalf("%s: our own encoding is refused: %v", name, err)
			}
			text := abi.AppendJSON(nil, m)
			fromJSON := empty()
			if err := abi.DecodeJSON(text, fromJSON); err != nil {
				t.Fatalf("%s: our own JSON is refused: %v\n%s", name, err, text)
			}
			if !bytes.Equal(abi.AppendMessage(nil, fromJSON), binary) {
				t.Fatalf("%s: the encodings differ for %x", name, wire)
			}
		}
	})
}

// FuzzDecodeJSON feeds foreign text to the JSON codec, and holds what it
// accepts against the binary one.
func FuzzDecodeJSON(f *testing.F) {
	for _, g := range golden {
		f.Add(abi.AppendJSON(nil, g.value))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for name, empty := range messages {
			m := empty()
			if abi.DecodeJSON(text, m) != nil {
				continue
			}
			binary := abi.AppendMessage(nil, m)
			again := empty()
			if err := abi.DecodeStrict(binary, again); err != nil {
				t.Fatalf("%s: accepted as JSON, refused as binary: %v\n%s", name, err, text)
			}
		}
	})
}
