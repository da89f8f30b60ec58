package guest_test

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

func TestAPanicCostsOneCall(t *testing.T) {
	g := guest.Native("p", guest.Provider{
		Key: "p",
		Execute: func(r *guest.Request) guest.Answer {
			r.Emit([]byte("lost"))
			if r.Model() == "bad" {
				panic("no such thing")
			}
			return r.End()
		},
	})
	dst := []byte("before")
	out, err := g.Call(t.Context(), abi.OpExecute, abi.AppendMessage(nil, execute("p", "bad", abi.KindStream, "")), dst)
	var fault *abi.CallError
	if !errors.As(err, &fault) || fault.Fault != abi.FaultTrap || fault.Plugin != "p" || fault.Op != abi.OpExecute {
		t.Fatalf("error is %v", err)
	}
	if string(out) != "before" {
		t.Errorf("dst became %q", out)
	}
	if got := payloads(call(t, g, abi.OpExecute, execute("p", "good", abi.KindStream, ""))); len(got) != 1 {
		t.Errorf("the next call emits %q", got)
	}
}

func TestAnEndedContextIsHonoured(t *testing.T) {
	g := guest.Native("p", guest.Provider{Key: "p"})
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	for ctx, want := range map[context.Context]error{canceled: context.Canceled, late: context.DeadlineExceeded} {
		if _, err := g.Call(ctx, abi.OpInit, nil, nil); !errors.Is(err, want) {
			t.Errorf("error is %v, want %v", err, want)
		}
	}
}

// TestNothingIsKeptOfACall overwrites an input behind its call, and holds that
// what the call said stays, and that no call sees anything of another.
func TestNothingIsKeptOfACall(t *testing.T) {
	g := guest.Native("p", guest.Provider{
		Key: "p",
		Execute: func(r *guest.Request) guest.Answer {
			if r.Kept("model") != "" || len(r.Response.Body) > 0 {
				t.Error("an attempt begins with what another left")
			}
			r.Keep("model", r.Model())
			r.Emit(append(r.Scratch(), r.Model()...), append([]byte(nil), r.Body...))
			return r.End()
		},
	})
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			var input, output []byte
			for i := range 500 {
				model := strconv.Itoa(worker) + "-" + strconv.Itoa(i)
				input = abi.AppendMessage(input[:0], execute("p", model, abi.KindStream, "body of "+model))
				var err error
				if output, err = g.Call(t.Context(), abi.OpExecute, input, output[:0]); err != nil {
					t.Error(err)
					return
				}
				for j := range input {
					input[j] = 'x'
				}
				var list abi.ActionList
				if err := abi.DecodeStrict(output, &list); err != nil {
					t.Error(err)
					return
				}
				got := payloads(list)
				if len(got) != 2 || got[0] != model || got[1] != "body of "+model || !bytes.Contains(list.State, []byte(model)) {
					t.Errorf("%s: %q, state %q", model, got, list.State)
					return
				}
			}
		})
	}
	wg.Wait()
}
