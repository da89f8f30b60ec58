package app

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/patchbay-dev/patchbay/host/auth"
)

func TestFailuresKeepTheNewest(t *testing.T) {
	f := new(failures)
	if got := f.newest(); got == nil || len(got) != 0 {
		t.Errorf("at first: %v", got)
	}
	fail := func(id string, e *auth.Error) {
		f.OnResult(t.Context(), auth.Result{AuthID: id, Provider: "p", Model: "m", Error: e})
	}
	for i := range 3 * keptFailures {
		fail(fmt.Sprint(i), &auth.Error{HTTPStatus: 500, Code: "c", Message: strings.Repeat("x", 2*maxFailure)})
	}
	got := f.newest()
	if len(got) != keptFailures || got[0].Auth != fmt.Sprint(3*keptFailures-1) || got[keptFailures-1].Auth != fmt.Sprint(2*keptFailures) {
		t.Errorf("%d, from %s to %s", len(got), got[0].Auth, got[len(got)-1].Auth)
	}
	if g := got[0]; len(g.Message) != maxFailure || g.Status != 500 || g.Code != "c" || g.Model != "m" || g.Provider != "p" || g.Time.IsZero() {
		t.Errorf("%+v", g)
	}
}

// TestFailuresAreNotRequests: who left is no failure, and what a provider says of
// a request may quote it.
func TestFailuresAreNotRequests(t *testing.T) {
	f := new(failures)
	for _, r := range []auth.Result{
		{AuthID: "a", Success: true}, {AuthID: "a"}, {AuthID: "a", Error: &auth.Error{Code: auth.CodeConnectionLifecycle}},
	} {
		f.OnResult(t.Context(), r)
	}
	if got := f.newest(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	f.OnResult(t.Context(), auth.Result{AuthID: "a", Error: &auth.Error{HTTPStatus: 400, Code: auth.CodeRequestScoped, Message: "your prompt was: hello"}})
	if got := f.newest(); len(got) != 1 || got[0].Message != "" || got[0].Status != 400 {
		t.Errorf("%+v", got)
	}
}

func TestFailuresTogether(t *testing.T) {
	f := new(failures)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				f.OnResult(t.Context(), auth.Result{AuthID: "a", Error: &auth.Error{HTTPStatus: 500}})
				f.newest()
			}
		})
	}
	wg.Wait()
	if f.next != 800 {
		t.Errorf("%d were noted", f.next)
	}
}
