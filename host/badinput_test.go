package host_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// useAll drives everything that reads a record.
func useAll(t *testing.T, r *rig, id string) {
	t.Helper()
	for _, model := range []string{"m", "", "x(high)"} {
		_, _ = r.ask(model, "p")
		for _, status := range []int{0, 429, 401, 404, 503} {
			r.block(id, model, status, -time.Hour)
		}
		r.block(id, model, 429, 10*365*24*time.Hour)
		r.MarkResult(t.Context(), auth.Result{AuthID: id, Model: model, Success: true, Started: r.clock.Now()})
		e := r.Explain(nil, model, executor.Options{})
		if _, err := json.Marshal(e); err != nil {
			t.Error(err)
		}
	}
	r.Cooldowns(id)
	r.ListModels()
	for _, a := range r.List() {
		if _, err := json.Marshal(a); err != nil {
			t.Error(err)
		}
	}
	if a, ok := r.GetByID(id); ok {
		if _, err := r.Update(t.Context(), a); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.ResetCooldown(t.Context(), id, ""); err != nil && codeOf(err) != auth.CodeAuthNotFound {
		t.Error(err)
	}
}

// TestHalfFilledRecords: what a store may hold that nobody wrote on purpose is
// loaded, used and saved like any other; what has no id is passed over.
func TestHalfFilledRecords(t *testing.T) {
	far := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	for name, a := range map[string]*auth.Auth{
		"nothing":             nil,
		"no id":               {Provider: "p"},
		"only an id":          {ID: "a"},
		"an unknown provider": {ID: "a", Provider: "nobody"},
		"a nil state":         {ID: "a", Provider: "p", ModelStates: map[string]*auth.ModelState{"m": nil, "": nil}},
		"blocked for ever":    {ID: "a", Provider: "p", Unavailable: true, NextRetryAfter: far, ModelStates: map[string]*auth.ModelState{"m": {Unavailable: true, NextRetryAfter: far}}},
		"blocked, no end":     {ID: "a", Provider: "p", Unavailable: true, ModelStates: map[string]*auth.ModelState{"m": {Unavailable: true}}},
		"absurd levels": {ID: "a", Provider: "p", Quota: auth.QuotaState{BackoffLevel: -5}, ModelStates: map[string]*auth.ModelState{
			"m": {Quota: auth.QuotaState{Exceeded: true, BackoffLevel: 1 << 40}}, "x": {ProbeWait: -time.Hour}}},
		"a strange status":  {ID: "a", Provider: "p", Status: "dancing", ModelStates: map[string]*auth.ModelState{"m": {Status: "?"}}},
		"absurd attributes": {ID: "a", Provider: "p", Attributes: map[string]string{auth.AttrPriority: "1e9", auth.AttrWeight: "-3", auth.AttrMaxInFlight: "x", auth.AttrModels: "{", auth.AttrModelAliases: "["}},
		"absurd metadata":   {ID: "a", Provider: "p", Metadata: map[string]any{"request_retry": -1e308, "disable_cooling": []any{}, "expired": "soon", "refresh_interval": "-1h"}},
	} {
		t.Run(name, func(t *testing.T) {
			store := &odd{records: []*auth.Auth{a}}
			r := newRig(t, withStore(store))
			r.RegisterExecutor(fails("p", nil))
			if err := r.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.serve("a", "m", "x")
			useAll(t, r, "a")
		})
	}
}

// odd is a store with records that a map could not hold.
type odd struct {
	memory
	records []*auth.Auth
}

func (s *odd) List(context.Context) ([]*auth.Auth, error) { return s.records, nil }

// TestUnknownProviders: a request for one says so, and a credential of one waits
// for its executor.
func TestUnknownProviders(t *testing.T) {
	r := newRig(t)
	if _, err := r.ask("m", "nobody"); codeOf(err) != auth.CodeProviderNotFound {
		t.Error(err)
	}
	r.addAll("later", "a")
	if _, err := r.ask("m", "later"); codeOf(err) != auth.CodeExecutorNotFound {
		t.Error(err)
	}
	r.RegisterExecutor(fails("later", nil))
	r.answers("a")("m", "later", "nobody")
}

// TestNothingGiven: nil and empty arguments have an answer.
func TestNothingGiven(t *testing.T) {
	r := newRig(t)
	if a, err := r.Register(t.Context(), nil); a != nil || err != nil {
		t.Error(a, err)
	}
	if a, err := r.Update(t.Context(), nil); a != nil || err != nil {
		t.Error(a, err)
	}
	if _, err := r.Update(t.Context(), &auth.Auth{}); codeOf(err) != auth.CodeAuthNotFound {
		t.Error(err)
	}
	r.MarkResult(t.Context(), auth.Result{})
	r.MarkResult(t.Context(), auth.Result{AuthID: "nobody", Error: nil})
	r.RegisterExecutor(nil)
	r.UnregisterExecutor("")
	r.SetConfig(nil)
	r.SetOAuthModelAlias(nil)
	r.SetSelector(nil)
	r.SetStore(nil)
	r.SetRoundTripperProvider(nil)
	r.SetRetryConfig(-1, -time.Hour, -1)
	r.SetRetryBudget(-1, -1)
	r.SetRetryStatuses()
	r.SetModels("nobody", host.ModelInfo{})
	r.RefreshSchedulerEntry("")
	r.CloseExecutionSession("")
	if err := r.InjectCredentials(nil, ""); err != nil {
		t.Error(err)
	}
	if a, ok := r.GetByID(""); a != nil || ok {
		t.Error(a)
	}
	if err := r.Remove(t.Context(), ""); codeOf(err) != auth.CodeAuthNotFound {
		t.Error(err)
	}
}

// FuzzLoadedRecord: no record, however damaged, makes the manager panic, and what
// it makes of one can be saved.
func FuzzLoadedRecord(f *testing.F) {
	f.Add(`{"id":"a","provider":"p","model_states":{"m":null,"":{"unavailable":true,"next_retry_after":"9999-12-31T23:59:59Z"}}}`)
	f.Add(`{"id":"a","provider":"p","prefix":"/","attributes":{"model_aliases":"[{\"name\":\"m\",\"alias\":\"M\"}]","models":"[\"m\",\"m\"]"}}`)
	f.Add(`{"id":"a","provider":"P ","status":"disabled","metadata":{"disable_cooling":1}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var a auth.Auth
		if json.Unmarshal([]byte(text), &a) != nil || a.ID == "" {
			return
		}
		r := newRig(t, withStore(&odd{records: []*auth.Auth{&a}}))
		r.RegisterExecutor(fails("p", nil))
		if err := r.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.serve(a.ID, "m", "x")
		useAll(t, r, a.ID)
	})
}
