package walk_test

import (
	"os"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/testkit/walk"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// TestWalk14ExtismHook walks the example that is written in AssemblyScript with
// an Extism PDK: it rejects a new credential by its e-mail domain, and labels one
// that it lets in.
func TestWalk14ExtismHook(t *testing.T) {
	wasm, err := os.ReadFile("../../../plugins/extism/testdata/hook.wasm")
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile("../../../examples/assemblyscript-hook/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	if wasm, err = meter.WithCustom(wasm, abi.ManifestSection, manifest); err != nil {
		t.Fatal(err)
	}
	p, err := walk.LoadModule(t, wasm, []byte(`{"domain":"example.org"}`))
	if err != nil {
		t.Fatal(err)
	}
	schema := &abi.Manifest{Credential: abi.CredentialSchema{Fields: map[string]abi.CredentialField{"email": {Kind: abi.FieldPublic}, "api_key": {}}}}
	hook, err := driver.NewPostAuth(p, p.Manifest(), p.Manifest().Provides.PostAuth[0], func(string) *abi.Manifest { return schema }, driver.Options{ConfigSecret: p.Secret})
	if err != nil {
		t.Fatal(err)
	}
	account := func(email string) *auth.Auth {
		return &auth.Auth{ID: "x", Provider: "p", Attributes: map[string]string{"email": email}, Metadata: map[string]any{"api_key": "sk-not-for-hooks"}}
	}
	in := account("a@example.org")
	if err := hook.Check(t.Context(), in); err != nil || in.Label != "a@example.org" {
		t.Errorf("label %q, %v", in.Label, err)
	}
	if err := hook.Check(t.Context(), account("a@example.com")); err == nil || !strings.Contains(err.Error(), "only accounts of example.org") {
		t.Errorf("error is %v", err)
	}
}
