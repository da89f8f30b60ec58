package plugins_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
	"github.com/patchbay-dev/patchbay/host/testkit/wasmcache"
	"github.com/patchbay-dev/patchbay/plugins"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// goGuest is testdata/guest, built by the Go toolchain, without a manifest.
var goGuest []byte

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func prepare() (err error) {
	if goGuest, err = wasmcache.Build("testdata/guest"); err != nil {
		return err
	}
	return wasmcache.WarmAll(goGuest)
}

// obj is a JSON object; manifest and its friends return fresh ones, which a
// test changes.
type obj = map[string]any

func manifest() obj {
	return obj{
		"id": "acme", "version": "1.2.3", "abi": 1,
		"provides": obj{"providers": []any{obj{
			"key": "acme", "formats": []any{"openai-chat"}, "modes": []any{"execute", "stream"},
			"deliver": []any{"pass", "whole"}, "on_error": []any{"classify", "resume"},
		}}},
		"credential": obj{"fields": obj{
			"base_url": obj{"kind": "destination", "required": true, "pattern": "https?://.+", "default": "https://api.acme.example/v1"},
			"api_key":  obj{"required": true},
			"email":    obj{"kind": "public"},
		}},
		"capabilities": []any{obj{"name": "network", "reason": "to reach the provider"}},
		"destinations": []any{
			obj{"name": "api", "field": "base_url", "methods": []any{"GET", "POST"}},
			obj{"name": "login", "scheme": "https", "host": "login.acme.example", "path_prefix": "/oauth", "methods": []any{"POST"}},
		},
		"slots": []any{obj{"secret": "api_key", "destination": "api", "methods": []any{"GET", "POST"}, "position": "header:Authorization", "prefix": "Bearer "}},
	}
}

func provider(m obj) obj { return m["provides"].(obj)["providers"].([]any)[0].(obj) }

func fields(m obj) obj { return m["credential"].(obj)["fields"].(obj) }

func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// pack puts a manifest into a module.
func pack(t testing.TB, wasm []byte, m obj) []byte {
	t.Helper()
	packed, err := meter.WithCustom(wasm, abi.ManifestSection, encode(t, m))
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// small is a handmade plugin.
func small() []byte { return asm.Guest(nil, asm.OK()).Bytes() }

func newHost(t testing.TB, change func(*plugins.Options)) *plugins.Host {
	t.Helper()
	o := plugins.Options{Dir: t.TempDir(), CacheDir: wasmcache.Dir(), HostVersion: "0.0.0-test"}
	if change != nil {
		change(&o)
	}
	h, err := plugins.NewHost(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Errorf("close the host: %v", err)
		}
	})
	return h
}

// wantRefused checks that err is a refusal in one line that says what is wrong.
func wantRefused(t *testing.T, err error, want ...string) {
	t.Helper()
	if !errors.Is(err, plugins.ErrRefused) {
		t.Fatalf("got %v, want a refusal", err)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q lacks %q", err, w)
		}
	}
	if strings.ContainsAny(err.Error(), "\n\r\x1b") {
		t.Errorf("%q is not one line", err)
	}
}
