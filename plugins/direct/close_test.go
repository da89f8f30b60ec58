package direct_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

func TestCloseWaitsForRunningCalls(t *testing.T) {
	in, out := make(chan struct{}), make(chan struct{})
	m := load(t, gate(asm.OK()), func(c *direct.Config) {
		c.Log = func(abi.LogLevel, string) { in <- struct{}{}; <-out }
	})
	done, closed := make(chan error, 1), make(chan error, 2)
	go func() {
		_, err := m.Call(context.Background(), abi.OpExecute, nil, nil)
		done <- err
	}()
	<-in
	for range 2 {
		go func() { closed <- m.Close(context.Background()) }()
	}
	for { // until one of them has begun
		_, err := m.Call(gone(), abi.OpExecute, nil, nil)
		if faultOf(err) == abi.FaultClosed {
			break
		}
	}
	select {
	case <-closed:
		t.Fatal("Close did not wait")
	default:
	}
	out <- struct{}{}
	if err := <-done; err != nil {
		t.Errorf("the running call got %v", err)
	}
	for range 2 {
		if err := <-closed; err != nil {
			t.Error(err)
		}
	}
	if s := m.Stats(); s.Instances != 0 || s.MemoryBytes != 0 {
		t.Errorf("left behind: %+v", s)
	}
}

func gone() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestCloseStopsCallsWhenItsTimeIsOver(t *testing.T) {
	in := make(chan struct{})
	m := load(t, gate(asm.Spin(), asm.Unreachable()), func(c *direct.Config) {
		c.CallTime = time.Hour
		c.Log = func(abi.LogLevel, string) { close(in) }
	})
	done := make(chan error, 1)
	go func() {
		_, err := m.Call(context.Background(), abi.OpExecute, nil, nil)
		done <- err
	}()
	<-in
	if err := m.Close(gone()); err != nil {
		t.Error(err)
	}
	wantFault(t, <-done, abi.FaultClosed)
}

// Callers and closers at once: every call is answered or refused, and all is
// released.
func TestCloseUnderLoad(t *testing.T) {
	for range 5 {
		m := load(t, asm.Guest(nil, asm.OK()).Bytes(), func(c *direct.Config) { c.Instances = 4 })
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for {
					if _, err := m.Call(context.Background(), abi.OpExecute, nil, nil); err != nil {
						if faultOf(err) != abi.FaultClosed {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		for range 3 {
			wg.Go(func() {
				if err := m.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if s := m.Stats(); s.Instances != 0 || s.Leased != 0 {
			t.Errorf("left behind: %+v", s)
		}
	}
}
