package direct_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

func TestCallAppendsTheAnswer(t *testing.T) {
	m := load(t, goGuest, nil)
	in := abi.AppendMessage(nil, &abi.ExecuteInput{Attempt: &abi.Attempt{ID: "hello", Model: "echo"}})
	out, err := m.Call(t.Context(), abi.OpExecute, in, []byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(out, []byte("before")) || !bytes.Contains(out, []byte("hello")) {
		t.Errorf("got %q", out)
	}
}

// Two calls in one instance would read each other's bytes.
func TestP15LeaseIsExclusive(t *testing.T) {
	m := load(t, goGuest, func(c *direct.Config) { c.Instances = 3; c.QueueTime = time.Minute })
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			for n := range 20 {
				want := strings.Repeat(fmt.Sprintf("%d/%d;", g, n), 1+(g*n)%200)
				got, err := execute(context.Background(), m, "echo", want)
				if err != nil || got != want {
					t.Errorf("goroutine %d call %d: got %.40q, %v", g, n, got, err)
					return
				}
			}
		})
	}
	wg.Wait()
	s := m.Stats()
	if s.Instances > 3 || s.Leased != 0 || len(s.Faults) != 0 {
		t.Errorf("after all calls: %+v", s)
	}
}

// Whatever ends a call discards its instance; the next one is clean.
func TestFaultDiscardsTheInstance(t *testing.T) {
	tests := []struct {
		model string
		fault abi.Fault
		text  string
	}{
		{"panic", abi.FaultTrap, "unreachable"},
		{"exit", abi.FaultTrap, "exited with code 3"},
		{"bomb", abi.FaultTrap, ""},
		{"recurse", abi.FaultTrap, ""},
		{"spin", abi.FaultDeadline, "used up"},
		{"sleep", abi.FaultDeadline, "used up"},
	}
	for _, tt := range tests {
		t.Run(tt.model, func(t *testing.T) {
			m := load(t, goGuest, func(c *direct.Config) {
				c.Instances = 1
				c.MemoryBytes = 16 << 20
				c.CallTime = 10 * time.Second
			})
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if tt.fault == abi.FaultDeadline {
				ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
			}
			defer cancel()
			_, err := execute(ctx, m, tt.model, "")
			call := wantFault(t, err, tt.fault)
			if !strings.Contains(call.Detail, tt.text) || call.Op != abi.OpExecute || call.Plugin != "test" {
				t.Errorf("got %+v", call)
			}
			if s := m.Stats(); s.Instances != 0 || s.MemoryBytes != 0 || s.Leased != 0 {
				t.Errorf("the instance is still there: %+v", s)
			}
			// A new instance: init is its first call, this its second.
			if got, err := execute(t.Context(), m, "count", ""); err != nil || got != "2" {
				t.Errorf("the next call got %q, %v", got, err)
			}
		})
	}
}

// Evidence G: Go cannot preempt a guest, and a flag that a timer sets hangs
// the process when a collection is pending.
func TestEndlessLoopLetsGarbageCollectionsThrough(t *testing.T) {
	for _, wasm := range []struct {
		name string
		wasm []byte
	}{
		{"go", goGuest},
		{"assembled", asm.Guest(nil, asm.Spin(), asm.Unreachable()).Bytes()},
	} {
		t.Run(wasm.name, func(t *testing.T) {
			m := load(t, wasm.wasm, func(c *direct.Config) { c.CallTime = 300 * time.Millisecond })
			done := make(chan error, 1)
			go func() {
				_, err := execute(context.Background(), m, "spin", "")
				done <- err
			}()
			for collections := 0; ; collections++ {
				runtime.GC()
				select {
				case err := <-done:
					wantFault(t, err, abi.FaultDeadline)
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("%v does not match DeadlineExceeded", err)
					}
					if m.Stats().Slices == 0 {
						t.Error("no fuel was counted")
					}
					if collections == 0 {
						t.Error("no collection ran beside the loop")
					}
					return
				default:
				}
			}
		})
	}
}

// A guest is not believed about its memory.
func TestLyingAnswers(t *testing.T) {
	const mem = 2 * abi.PageSize
	tests := []struct {
		name      string
		ptr, size int
		fault     abi.Fault
	}{
		{"nothing", 0, 0, abi.FaultProtocol},
		{"beyond the end", mem, 1, abi.FaultProtocol},
		{"across the end", mem - 1, 2, abi.FaultProtocol},
		{"far away", 0xfffffff0, 8, abi.FaultProtocol},
		{"around the corner", 0xfffffff0, 0x20, abi.FaultProtocol},
		{"everything", 0, 0xffffffff, abi.FaultLimit},
		{"one byte too many", 16, abi.MaxOutput + 1, abi.FaultLimit},
		{"as many as may be, outside", 16, abi.MaxOutput, abi.FaultProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := load(t, asm.Guest(nil, asm.I64(asm.Packed(tt.ptr, tt.size))).Bytes(), nil)
			dst := []byte("kept")
			out, err := m.Call(t.Context(), abi.OpExecute, []byte{1}, dst)
			wantFault(t, err, tt.fault)
			if string(out) != "kept" {
				t.Errorf("dst became %q", out)
			}
		})
	}
}

func TestInputThatDoesNotFit(t *testing.T) {
	m := load(t, asm.Guest(nil, asm.OK()).Bytes(), nil)
	// The buffer is at 1024 of two pages, whatever the length.
	_, err := m.Call(t.Context(), abi.OpExecute, make([]byte, 2*abi.PageSize), nil)
	wantFault(t, err, abi.FaultProtocol)
	_, err = m.Call(t.Context(), abi.OpExecute, make([]byte, abi.MaxInput+1), nil)
	wantFault(t, err, abi.FaultLimit)
	if _, err := m.Call(t.Context(), abi.OpExecute, make([]byte, abi.PageSize), nil); err != nil {
		t.Error(err)
	}
}

func TestTrapsOfHandmadeGuests(t *testing.T) {
	tests := []struct {
		name string
		body []byte
		text string
	}{
		{"unreachable", asm.Unreachable(), "unreachable"},
		// local.get op; i32.const 0; i32.div_u; drop; and an i64
		{"division", append([]byte{0x20, 0x00, 0x41, 0x00, 0x6e, 0x1a}, asm.OK()...), "integer divide by zero"},
		// i32.const -1; i32.load; drop; and an i64
		{"wild load", append([]byte{0x41, 0x7f, 0x28, 0x02, 0x00, 0x1a}, asm.OK()...), "out of bounds memory access"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := load(t, asm.Guest(nil, tt.body).Bytes(), nil)
			_, err := m.Call(t.Context(), abi.OpExecute, nil, nil)
			if call := wantFault(t, err, abi.FaultTrap); !strings.Contains(call.Detail, tt.text) || strings.Contains(call.Detail, "\n") {
				t.Errorf("detail is %q, want %q in one line", call.Detail, tt.text)
			}
		})
	}
}

// patient gives calls time that a busy machine needs: these tests are not about
// deadlines, and copying a large stack or memory is slow under the race
// detector.
func patient(c *direct.Config) { c.CallTime = time.Minute }

func TestRecursionIsStopped(t *testing.T) {
	m := load(t, asm.Guest(func(m *asm.Module) {
		m.Func("", "", 0, asm.Call(0))
	}, asm.Call(0), asm.OK()).Bytes(), patient)
	_, err := m.Call(t.Context(), abi.OpExecute, nil, nil)
	wantFault(t, err, abi.FaultTrap)
}

// What a large call left behind must not make the next one fail.
func TestSwollenInstanceIsReplaced(t *testing.T) {
	m := load(t, goGuest, func(c *direct.Config) { c.Instances = 1; patient(c) })
	for n := range 4 {
		got, err := execute(t.Context(), m, "large", "")
		if err != nil || len(got) != 16<<20 {
			t.Fatalf("call %d: %d bytes, %v", n, len(got), err)
		}
	}
	if s := m.Stats(); s.Recycled == 0 || s.Leased != 0 || len(s.Faults) != 0 {
		t.Errorf("%+v", s)
	}
	// Small calls keep their instance.
	before := m.Stats().Recycled
	for range 100 {
		if _, err := execute(t.Context(), m, "echo", "small"); err != nil {
			t.Fatal(err)
		}
	}
	if after := m.Stats().Recycled; after != before {
		t.Errorf("%d instances replaced after small calls", after-before)
	}
}

// gate is a guest that calls patchbay.log and then does what body says; the
// log lets a test know and hold the call.
func gate(body ...[]byte) []byte {
	return asm.Guest(func(m *asm.Module) { m.Import("patchbay", "log", "iii", "") },
		append([][]byte{asm.I32(2), asm.I32(16), asm.I32(1), asm.Call(0)}, body...)...).Bytes()
}

func TestCallerThatLeavesStopsTheCall(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m := load(t, gate(asm.Spin(), asm.Unreachable()), func(c *direct.Config) {
		c.CallTime = time.Minute
		c.Log = func(abi.LogLevel, string) { cancel() }
	})
	_, err := m.Call(ctx, abi.OpExecute, nil, nil)
	wantFault(t, err, abi.FaultCanceled)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not match Canceled", err)
	}
	_, err = m.Call(ctx, abi.OpExecute, nil, nil)
	wantFault(t, err, abi.FaultCanceled)
}

func TestCallerThatLeftBeforeCostsNoInstance(t *testing.T) {
	m := load(t, goGuest, func(c *direct.Config) { c.Instances = 1 })
	for range 3 {
		_, err := execute(gone(), m, "echo", "")
		wantFault(t, err, abi.FaultCanceled)
	}
	// init, and this call.
	if got, err := execute(t.Context(), m, "count", ""); err != nil || got != "2" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestFaultE02QueueIsBounded: of the calls that find all instances leased, so many
// wait; the next is refused at once, and who waited is served.
func TestFaultE02QueueIsBounded(t *testing.T) {
	in, out := make(chan struct{}), make(chan struct{})
	m := load(t, gate(asm.OK()), func(c *direct.Config) {
		c.Instances, c.Queue, c.QueueTime = 1, 2, time.Hour
		c.Log = func(abi.LogLevel, string) { in <- struct{}{}; <-out }
	})
	done := make(chan error, 3)
	call := func() {
		_, err := m.Call(context.Background(), abi.OpExecute, nil, nil)
		done <- err
	}
	go call()
	<-in
	go call()
	go call()
	for m.Stats().Waiting < 2 {
		runtime.Gosched()
	}
	_, err := m.Call(t.Context(), abi.OpExecute, nil, nil)
	wantFault(t, err, abi.FaultBusy)
	for n := range 3 {
		out <- struct{}{}
		if n < 2 {
			<-in
		}
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if s := m.Stats(); s.Waiting != 0 || s.Leased != 0 || s.Faults[abi.FaultBusy] != 1 {
		t.Errorf("%+v", s)
	}
}

// TestFresh: no call sees what one before it left.
func TestFresh(t *testing.T) {
	m := load(t, goGuest, func(c *direct.Config) { c.Instances, c.Fresh = 1, true })
	for range 3 { // init, and this call
		if got, err := execute(t.Context(), m, "count", ""); err != nil || got != "2" {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestE02FullPool(t *testing.T) {
	in, out := make(chan struct{}), make(chan struct{})
	m := load(t, gate(asm.OK()), func(c *direct.Config) {
		c.Instances = 1
		c.QueueTime = 20 * time.Millisecond
		c.Log = func(abi.LogLevel, string) { in <- struct{}{}; <-out }
	})
	done := make(chan error, 1)
	go func() {
		_, err := m.Call(context.Background(), abi.OpExecute, nil, nil)
		done <- err
	}()
	<-in
	_, err := m.Call(t.Context(), abi.OpExecute, nil, nil)
	wantFault(t, err, abi.FaultBusy)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = m.Call(gone, abi.OpExecute, nil, nil)
	wantFault(t, err, abi.FaultCanceled)
	if s := m.Stats(); s.Leased != 1 || s.Faults[abi.FaultBusy] != 1 || s.Calls != 3 || s.Waits == 0 || s.Waited < 20*time.Millisecond {
		t.Errorf("%+v", s)
	}
	out <- struct{}{}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
