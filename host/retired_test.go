package host_test

import (
	"context"
	"testing"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// swapped makes a rig whose executor is retired while its first request runs;
// then has its way with the manager before that.
func swapped(t *testing.T, then func(*rig)) *rig {
	t.Helper()
	r := newRig(t)
	r.RegisterExecutor(&provider{name: "p", do: func(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
		then(r)
		return executor.Response{}, executor.ErrRetired
	}})
	r.addAll("p", "a")
	return r
}

// TestSwapLosesNoRequest: a request that had taken hold of an executor just
// before it was replaced goes to the new one, with the same credential and
// without a mark. It once failed with a plugin that was closed.
func TestSwapLosesNoRequest(t *testing.T) {
	r := swapped(t, func(r *rig) { r.RegisterExecutor(fails("p", nil)) })
	got, err := r.ask("m", "p")
	if err != nil || got != "a" {
		t.Fatalf("%q, %v", got, err)
	}
	if a, _ := r.GetByID("a"); a.LastError != nil {
		t.Errorf("the credential is blamed: %v", a.LastError)
	}
}

// TestTakenOutWithoutSuccessor: nobody is in its place, so the error says so,
// and no credential is blamed.
func TestTakenOutWithoutSuccessor(t *testing.T) {
	r := swapped(t, func(r *rig) { r.UnregisterExecutor("p") })
	_, err := r.ask("m", "p")
	same(t, "code", codeOf(err), auth.CodeExecutorNotFound)
	if a, _ := r.GetByID("a"); a.LastError != nil {
		t.Errorf("the credential is blamed: %v", a.LastError)
	}
}
