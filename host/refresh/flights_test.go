package refresh_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/patchbay-dev/patchbay/host/refresh"
)

var errRefused = errors.New("refused")

func TestFlightsShareAResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f refresh.Flights[int]
		var owner sync.WaitGroup
		defer owner.Wait()
		spawn := func(w func()) bool { owner.Go(w); return true }
		var runs atomic.Int32
		go_ := make(chan struct{})
		work := func() (int, error) { <-go_; return int(runs.Add(1)), nil }
		for range 100 {
			owner.Go(func() {
				if v, err := f.Do(t.Context(), "a", errRefused, spawn, work); v != 1 || err != nil {
					t.Errorf("got %d, %v", v, err)
				}
			})
		}
		left, leave := context.WithCancel(t.Context())
		owner.Go(func() {
			if _, err := f.Do(left, "a", errRefused, spawn, work); !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		if !f.Running("a") || f.Running("b") {
			t.Error("it does not say what runs")
		}
		if v, err := f.Do(t.Context(), "b", errRefused, spawn, func() (int, error) { return 7, nil }); v != 7 || err != nil {
			t.Errorf("another name got %d, %v", v, err)
		}
		close(go_)
		synctest.Wait()
		if f.Running("a") || runs.Load() != 1 {
			t.Errorf("%d runs", runs.Load())
		}
		if v, _ := f.Do(t.Context(), "a", errRefused, spawn, work); v != 2 {
			t.Errorf("a new flight gave %d", v)
		}
	})
}

func TestFlightsThatDoNotStart(t *testing.T) {
	var f refresh.Flights[int]
	for range 2 {
		_, err := f.Do(t.Context(), "a", errRefused, func(func()) bool { return false }, nil)
		if !errors.Is(err, errRefused) || f.Running("a") {
			t.Fatalf("got %v", err)
		}
	}
}
