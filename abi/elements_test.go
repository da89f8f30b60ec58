package abi_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
)

// A guest's few bytes must not become the host's gigabytes.
func TestElementsAreBounded(t *testing.T) {
	action, chunk := []byte{0x0a, 2, 0x12, 0}, []byte{0x0a, 0} // wait; an empty payload
	ok := func(wire []byte, m abi.Message) bool {
		err := abi.DecodeStrict(wire, m)
		if err != nil && (!errors.Is(err, abi.ErrMalformed) || !strings.Contains(err.Error(), "100,000")) {
			t.Errorf("refused with %v", err)
		}
		return err == nil
	}
	// Each action is two messages, and the list is one.
	if !ok(bytes.Repeat(action, abi.MaxElements/2-1), new(abi.ActionList)) {
		t.Error("a list as long as may be is refused")
	}
	if ok(bytes.Repeat(action, abi.MaxElements/2), new(abi.ActionList)) {
		t.Error("a list that is too long is taken")
	}
	if !ok(bytes.Repeat(chunk, abi.MaxElements-1), new(abi.Chunks)) || ok(bytes.Repeat(chunk, abi.MaxElements), new(abi.Chunks)) {
		t.Error("payloads are not counted")
	}
	text := func(n int) []byte {
		return []byte(`{"actions":[` + strings.Repeat(`{"wait":{}},`, n-1) + `{"wait":{}}]}`)
	}
	if err := abi.DecodeJSON(text(abi.MaxElements/2-1), new(abi.ActionList)); err != nil {
		t.Errorf("a JSON list as long as may be is refused: %v", err)
	}
	if err := abi.DecodeJSON(text(abi.MaxElements/2), new(abi.ActionList)); !errors.Is(err, abi.ErrMalformed) {
		t.Errorf("a JSON list that is too long: %v", err)
	}
	// The host's own messages are not measured by that.
	if err := abi.DecodeMessage(bytes.Repeat(action, abi.MaxElements), new(abi.ActionList)); err != nil {
		t.Errorf("a guest refuses the host's: %v", err)
	}
}

func TestEmptyListTwiceInJSON(t *testing.T) {
	if err := abi.DecodeJSON([]byte(`{"actions":[],"actions":[{"wait":{}}]}`), new(abi.ActionList)); !errors.Is(err, abi.ErrMalformed) {
		t.Errorf("got %v", err)
	}
}
