package host_test

import (
	"context"
	"testing"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// counts is an executor whose CountTokens fails with what errs has.
type counts struct {
	*provider
	errs map[string]error
}

func (c counts) CountTokens(_ context.Context, a *auth.Auth, req executor.Request, _ executor.Options) (executor.Response, error) {
	c.note(a, req)
	return executor.Response{Payload: []byte(a.ID)}, c.errs[a.ID]
}

func (r *rig) countTokens() (string, error) {
	resp, err := r.ExecuteCount(r.t.Context(), []string{"p"}, request("m"), executor.Options{})
	return string(resp.Payload), err
}

// TestCountTokens: counting goes the way of every request, and that an upstream
// cannot count takes no model away.
func TestCountTokens(t *testing.T) {
	missing := &executor.UpstreamError{Status: 404, Message: "no route for m"}
	named := &executor.UpstreamError{Status: 404, Body: []byte(`{"error":{"code":"model_not_found"}}`)}
	unable := &auth.Error{Code: auth.CodeNotSupported, HTTPStatus: 501, Message: "cannot count"}
	for name, c := range map[string]struct {
		err    error
		blames bool
	}{
		"no such route": {missing, false}, "not in the plugin": {unable, false},
		"no such model": {named, true}, "broken": {status(500), true},
	} {
		r := newRig(t)
		p := counts{&provider{name: "p"}, map[string]error{"a": c.err}}
		r.RegisterExecutor(p)
		r.addAll("p", "a", "b")
		got, err := r.countTokens()
		if err != nil || got != "b" {
			t.Fatalf("%s: %q, %v", name, got, err)
		}
		if blamed := r.state("a", "m").LastError != nil; blamed != c.blames {
			t.Errorf("%s: blamed %v", name, blamed)
		}
		same(t, name+": results", len(r.hook.all()), 2)
		if got, want := len(r.ListModels()), 1; got != want {
			t.Errorf("%s: %d models", name, got)
		}
	}
	r := newRig(t)
	if _, err := r.countTokens(); codeOf(err) != auth.CodeProviderNotFound {
		t.Errorf("without a provider: %v", err)
	}
	r.RegisterExecutor(counts{&provider{name: "p"}, map[string]error{"a": missing}})
	r.addAll("p", "a")
	_, err := r.countTokens()
	same(t, "the provider's status", statusOf(err), 404)
	r.answers("a")("m", "p")
}
