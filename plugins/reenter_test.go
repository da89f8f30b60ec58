package plugins_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins"
)

// TestFaultE02ReEnter: calls of one plugin from within calls of another, in a
// circle, end: who finds the last instance leased gives up when its time in the
// queue is over, and everybody else is answered.
func TestFaultE02ReEnter(t *testing.T) {
	in := abi.AppendMessage(nil, &abi.ExecuteInput{Attempt: &abi.Attempt{ID: "to the other", Model: "log"}})
	var loaded [2]atomic.Pointer[plugins.Plugin]
	var busy atomic.Int64
	h := newHost(t, func(o *plugins.Options) {
		o.Instances, o.QueueTimeout, o.CallTimeout = 1, 20*time.Millisecond, time.Minute
		o.Log = func(plugin string, _ abi.LogLevel, _ string) {
			other := loaded[0].Load()
			if plugin == "acme" {
				other = loaded[1].Load()
			}
			if other == nil {
				return
			}
			_, err := other.Call(context.Background(), abi.OpExecute, in, nil)
			if call, ok := errors.AsType[*abi.CallError](err); ok && call.Fault == abi.FaultBusy {
				busy.Add(1)
			} else if err != nil {
				t.Error(err)
			}
		}
	})
	second := manifest()
	second["id"] = "other"
	for i, m := range []obj{manifest(), second} {
		p, err := h.Load(t.Context(), pack(t, goGuest, m), nil)
		if err != nil {
			t.Fatal(err)
		}
		loaded[i].Store(p)
	}
	if _, err := loaded[0].Load().Call(t.Context(), abi.OpExecute, in, nil); err != nil {
		t.Error(err)
	}
	if busy.Load() != 1 {
		t.Errorf("%d calls found no instance, want the one that closes the circle", busy.Load())
	}
}
