package boltstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// tokens is credential a with the nth pair of tokens.
func tokens(n int) *auth.Auth {
	return &auth.Auth{ID: "a", Provider: "p", Metadata: map[string]any{
		"refresh_token": fmt.Sprintf("r%d", n), "access_token": fmt.Sprintf("a%d", n), "account": "same",
	}}
}

func digest(n int) string { return auth.TokenDigest(fmt.Sprintf("r%d", n)) }

func begin(t *testing.T, s *Store, gen uint64, n int) uint64 {
	t.Helper()
	current, err := s.Begin(t.Context(), "a", gen, digest(n))
	if err != nil {
		t.Fatal(err)
	}
	return current
}

func commit(t *testing.T, s *Store, gen uint64, n int) uint64 {
	t.Helper()
	next, err := s.Commit(t.Context(), tokens(n), gen)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// refreshes compares what the store knows, after a restart.
func refreshes(t *testing.T, s *Store, want ...RefreshState) *Store {
	t.Helper()
	closeStore(t, s)
	s = open(t, s.path)
	got, err := s.Refreshes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if (got[i].Phase == RefreshIdle) != got[i].Since.IsZero() {
			t.Errorf("phase %q since %v", got[i].Phase, got[i].Since)
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(RefreshState{}, "Since")); diff != "" {
		t.Errorf("refreshes (-want +got):\n%s", diff)
	}
	return s
}

// TestTheProtocolOfARefresh is R2 to R4, with a restart after each step.
func TestTheProtocolOfARefresh(t *testing.T) {
	s := open(t, newPath(t))
	save(t, s, tokens(0))
	if got := begin(t, s, 0, 0); got != 0 {
		t.Errorf("generation %d", got)
	}
	s = refreshes(t, s, RefreshState{ID: "a", Phase: RefreshBegun})
	pending, err := s.Pending(t.Context())
	if err != nil || len(pending) != 1 || pending[0].ID != "a" || pending[0].OldToken != digest(0) || pending[0].Since.IsZero() {
		t.Fatalf("pending: %v, %v", pending, err)
	}
	if got := commit(t, s, 0, 1); got != 1 {
		t.Errorf("generation %d", got)
	}
	s = refreshes(t, s, RefreshState{ID: "a", Generation: 1, Trial: true})
	trials, err := s.Trials(t.Context())
	want := []auth.TrialRefresh{{ID: "a", Generation: 1, Replaced: map[string]any{"refresh_token": "r0", "access_token": "a0"}}}
	if diff := cmp.Diff(want, trials, cmpopts.IgnoreFields(auth.TrialRefresh{}, "At")); diff != "" || err != nil {
		t.Errorf("trials: %v (-want +got):\n%s", err, diff)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", trials, trials[0], trials[0], trials[0]); strings.Contains(text, "r0") || strings.Contains(text, "a0") {
		t.Errorf("a trial shows its tokens: %s", text)
	}
	for _, gen := range []uint64{0, 7} { // not the newest
		if err := s.Confirm(t.Context(), "a", gen); err != nil {
			t.Error(err)
		}
	}
	s = refreshes(t, s, RefreshState{ID: "a", Generation: 1, Trial: true})
	if err := s.Confirm(t.Context(), "a", 1); err != nil {
		t.Error(err)
	}
	s = refreshes(t, s, RefreshState{ID: "a", Generation: 1})
	save(t, s, tokens(1)) // health is saved again and again
	if got := begin(t, s, 0, 1); got != 1 {
		t.Errorf("generation %d", got)
	}
	if got := commit(t, s, 1, 2); got != 2 {
		t.Errorf("generation %d", got)
	}
	s = refreshes(t, s, RefreshState{ID: "a", Generation: 2, Trial: true})
	if diff := cmp.Diff([]*auth.Auth{tokens(2)}, list(t, s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := s.Delete(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	refreshes(t, s)
}

func TestAbort(t *testing.T) {
	for outcome, want := range map[auth.RefreshOutcome]RefreshPhase{
		auth.RefreshFailed: RefreshIdle, auth.RefreshSuperseded: RefreshIdle,
		auth.RefreshUnknown: RefreshUnknown, auth.RefreshNeedsLogin: RefreshNeedsLogin,
	} {
		t.Run(fmt.Sprint(outcome), func(t *testing.T) {
			s := open(t, newPath(t))
			save(t, s, tokens(0))
			begin(t, s, 0, 0)
			for range 2 {
				if err := s.Abort(t.Context(), "a", 0, outcome); err != nil {
					t.Fatal(err)
				}
			}
			s = refreshes(t, s, RefreshState{ID: "a", Phase: want})
			pending, err := s.Pending(t.Context())
			if err != nil || len(pending) > 0 != (want == RefreshUnknown) {
				t.Errorf("pending: %v, %v", pending, err)
			}
			save(t, s, tokens(5)) // a new login ends all of it
			refreshes(t, s, RefreshState{ID: "a"})
		})
	}
}

// TestR6SinceStays: what nobody knows the end of is open since it began, however
// often it is tried again.
func TestR6SinceStays(t *testing.T) {
	s := open(t, newPath(t))
	save(t, s, tokens(0))
	begin(t, s, 0, 0)
	first, err := s.Pending(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Abort(t.Context(), "a", 0, auth.RefreshUnknown); err != nil {
		t.Fatal(err)
	}
	begin(t, s, 0, 0)
	again, err := s.Pending(t.Context())
	if diff := cmp.Diff(first, again); diff != "" || err != nil {
		t.Errorf("%v (-first +again):\n%s", err, diff)
	}
}

// TestR6AFailureSettlesNothing: a token that may be used up is still in doubt when
// the provider was asked again and answered with an error of its own.
func TestR6AFailureSettlesNothing(t *testing.T) {
	s := open(t, newPath(t))
	save(t, s, tokens(0))
	begin(t, s, 0, 0) // and the process died
	for range 2 {
		begin(t, s, 0, 0)
		if err := s.Abort(t.Context(), "a", 0, auth.RefreshFailed); err != nil {
			t.Fatal(err)
		}
		s = refreshes(t, s, RefreshState{ID: "a", Phase: RefreshUnknown})
	}
	begin(t, s, 0, 0)
	commit(t, s, 0, 1)
	begin(t, s, 1, 1)
	if err := s.Abort(t.Context(), "a", 1, auth.RefreshFailed); err != nil {
		t.Fatal(err)
	}
	s = refreshes(t, s, RefreshState{ID: "a", Generation: 1, Trial: true})
	for _, outcome := range []auth.RefreshOutcome{auth.RefreshNeedsLogin, auth.RefreshFailed} {
		begin(t, s, 1, 1)
		if err := s.Abort(t.Context(), "a", 1, outcome); err != nil {
			t.Fatal(err)
		}
		s = refreshes(t, s, RefreshState{ID: "a", Generation: 1, Phase: RefreshNeedsLogin, Trial: true})
	}
}

func TestGenerationsMustMatch(t *testing.T) {
	s := open(t, newPath(t))
	save(t, s, tokens(0))
	begin(t, s, 0, 0)
	commit(t, s, 0, 1)
	if _, err := s.Begin(t.Context(), "a", 4, digest(1)); err == nil || !strings.Contains(err.Error(), "generation 1 and not 4") {
		t.Errorf("Begin: %v", err)
	}
	if _, err := s.Commit(t.Context(), tokens(9), 4); err == nil || !strings.Contains(err.Error(), "generation 1 and not 4") {
		t.Errorf("Commit: %v", err)
	}
	begin(t, s, 1, 1)
	commit(t, s, 1, 2)
	// The same again is the same, as after an answer that did not arrive.
	if got := commit(t, s, 1, 2); got != 2 {
		t.Errorf("generation %d", got)
	}
	if trials, err := s.Trials(t.Context()); err != nil || len(trials) != 1 || trials[0].Replaced["refresh_token"] != "r1" {
		t.Errorf("%d trials, %v", len(trials), err)
	}
	if _, err := s.Commit(t.Context(), nil, 1); err == nil {
		t.Error("nil was committed")
	}
	if _, err := s.Begin(t.Context(), "", 1, ""); err == nil {
		t.Error("nobody was refreshed")
	}
}

// TestDamagedRefreshState: what is damaged beside a credential is named, and
// keeps nobody from refreshing it.
func TestDamagedRefreshState(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	save(t, s, tokens(0))
	begin(t, s, 0, 0)
	commit(t, s, 0, 1)
	closeStore(t, s)
	flipValue(t, path, bucketRefreshes, "a")
	s = open(t, path)
	var corrupt *CorruptError
	if _, err := s.Pending(t.Context()); !errors.As(err, &corrupt) || corrupt.Bucket != bucketRefreshes {
		t.Errorf("Pending: %v", err)
	}
	if got := begin(t, s, 0, 1); got != 0 {
		t.Errorf("generation %d", got)
	}
	commit(t, s, 0, 2)
	refreshes(t, s, RefreshState{ID: "a", Generation: 1, Trial: true})
}
