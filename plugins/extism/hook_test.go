package extism_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins/direct"
	"github.com/patchbay-dev/patchbay/plugins/extism"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

func newCredential(email string) *abi.PostAuthInput {
	return &abi.PostAuthInput{Provider: "p", Origin: "login", Credential: &abi.Credential{
		ID: "c", Revision: 1<<63 + 7, Fields: []abi.Pair{{Name: "tier", Value: "x"}, {Name: "email", Value: email}},
	}}
}

// TestAHookInAssemblyScript runs the example: what a real PDK makes is what this
// tier takes.
func TestAHookInAssemblyScript(t *testing.T) {
	m, err := load(t, hook, `{"domain":"example.org"}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	label := `añ"b@example.org`
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				got, err := ask(t.Context(), m, abi.OpPostAuth, newCredential(label))
				want := abi.Action{Which: abi.ActionIsPatch, Patch: &abi.Patch{Revision: 1<<63 + 7, Label: &label}}
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%v %s", err, diff)
					return
				}
			}
		})
	}
	wg.Wait()
	got, err := ask(t.Context(), m, abi.OpPostAuth, newCredential("a@example.com"))
	if err != nil || got.Which != abi.ActionIsReject || got.Reject.Reason != "only accounts of example.org are let in" {
		t.Errorf("a foreign account: %+v, %v", got, err)
	}
	if got, err := ask(t.Context(), m, abi.OpModels, &abi.ModelsInput{}); err != nil || got.Which != abi.ActionIsUnsupported {
		t.Errorf("an op that it lacks: %+v, %v", got, err)
	}
}

func TestEventsAreNotForThisTier(t *testing.T) {
	m, err := load(t, hook, `{}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t.Context(), m, abi.OpEvents, &abi.EventsInput{}); faultOf(err) != abi.FaultProtocol {
		t.Errorf("error is %v", err)
	}
}

// TestACallOnAFreshInstance gives the same answers as one on a used instance.
func TestACallOnAFreshInstance(t *testing.T) {
	m, err := load(t, hook, `{"domain":"example.org"}`, func(c *direct.Config) { c.Fresh = true })
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got, err := ask(t.Context(), m, abi.OpPostAuth, newCredential("a@example.org")); err != nil || got.Which != abi.ActionIsPatch {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestSurface(t *testing.T) {
	call := direct.Extern{Name: "patchbay_call", Kind: "func", Signature: "() -> i32"}
	metered, err := meter.Rewrite(hook, meter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var imports []direct.Extern
	for _, i := range metered.Imports {
		imports = append(imports, direct.Extern(i))
	}
	if err := extism.Check(imports, []direct.Extern{call}); err != nil {
		t.Errorf("the example: %v", err)
	}
	for _, bad := range []struct {
		imports, exports []direct.Extern
	}{
		{nil, nil},
		{nil, []direct.Extern{{Name: "patchbay_call", Kind: "func", Signature: "(i32) -> i32"}}},
		{[]direct.Extern{{Module: "env", Name: "abort", Kind: "func", Signature: "(i32, i32, i32, i32)"}}, []direct.Extern{call}},
		{[]direct.Extern{{Module: "extism:host/user", Name: "f", Kind: "func", Signature: "()"}}, []direct.Extern{call}},
		{[]direct.Extern{{Module: "extism:host/env", Name: "alloc", Kind: "func", Signature: "(i32) -> i32"}}, []direct.Extern{call}},
		{[]direct.Extern{{Module: "env", Name: "memory", Kind: "memory"}}, []direct.Extern{call}},
	} {
		if err := extism.Check(bad.imports, bad.exports); err == nil {
			t.Errorf("%+v is let in", bad)
		}
	}
}
