package host_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// batching is a memory that saves several records at once.
type batching struct {
	memory
	together []int // how many each time
	refuse   error
}

func (s *batching) SaveAll(ctx context.Context, auths []*auth.Auth) error {
	s.mu.Lock()
	refuse := s.refuse
	s.together = append(s.together, len(auths))
	s.mu.Unlock()
	if refuse != nil {
		return refuse
	}
	for _, a := range auths {
		if _, err := s.Save(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

func (s *batching) sizes() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.together
}

func many(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("id-%04d", i)
	}
	return ids
}

func TestManyAreSavedInOneGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &batching{}
		r := newRig(t, withStore(store), onWallClock)
		ids := many(700)
		r.addAll("p", ids...)
		for _, id := range ids {
			r.block(id, "m", 500, 0)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		sameList(t, "saves", store.sizes(), 512, 188)
		for _, id := range ids {
			if !store.record(id).ModelStates["m"].Unavailable {
				t.Fatalf("%s was not saved", id)
			}
		}
	})
}

// TestAFullStoreIsNotAskedForEach: what failed together is tried alone, since one
// bad record must not keep the others; but not without end.
func TestAFullStoreIsNotAskedForEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &batching{refuse: errors.New("one of them is bad")}
		r := newRig(t, withStore(store), onWallClock)
		ids := many(40)
		r.addAll("p", ids...)
		for _, id := range ids {
			r.block(id, "m", 500, 0)
		}
		tries := 0
		store.called = func(context.Context, string) { tries++ }
		store.fail(errFull)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		same(t, "tries", tries, 8)
		store.fail(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, id := range ids {
			if !store.record(id).ModelStates["m"].Unavailable {
				t.Fatalf("%s was not saved", id)
			}
		}
	})
}

// TestABusyCredentialHoldsUpNobody: its writer saves it in its turn, and what was
// learned of it comes after.
func TestABusyCredentialHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &batching{}
		r := newRig(t, withStore(store), onWallClock)
		r.addAll("p", "a", "b")
		free := make(chan struct{})
		store.called = func(_ context.Context, id string) {
			if id == "a" {
				<-free
			}
		}
		edited := make(chan error, 1)
		go func() {
			_, err := r.Change(t.Context(), "a", func(a *auth.Auth) error { a.Label = "edited"; return nil })
			edited <- err
		}()
		synctest.Wait()
		r.block("a", "m", 500, 0)
		r.block("b", "m", 500, 0)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		sameList(t, "saves", store.sizes(), 1)
		if store.record("b").ModelStates["m"] == nil {
			t.Error("b waits for a")
		}
		close(free)
		if err := <-edited; err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		a := store.record("a")
		same(t, "label", a.Label, "edited")
		if a.ModelStates["m"] == nil {
			t.Error("what was learned of a is not saved")
		}
	})
}

var _ host.Store = (*batching)(nil)
