package plugins_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
	"github.com/patchbay-dev/patchbay/plugins"
)

// echo asks testdata/guest to say arg again.
func echo(ctx context.Context, g abi.Guest, arg string) (string, error) {
	in := abi.AppendMessage(nil, &abi.ExecuteInput{Attempt: &abi.Attempt{ID: arg, Model: "echo"}})
	out, err := g.Call(ctx, abi.OpExecute, in, nil)
	if err != nil {
		return "", err
	}
	var list abi.ActionList
	if err := abi.DecodeStrict(out, &list); err != nil {
		return "", err
	}
	if len(list.Actions) != 1 || list.Actions[0].Which != abi.ActionIsReply {
		return "", errors.New("the answer is no reply")
	}
	return string(list.Actions[0].Reply.Body), nil
}

func TestFromTheFileToAnAnswer(t *testing.T) {
	wasm := pack(t, goGuest, manifest())
	info, err := plugins.Inspect(wasm)
	if err != nil || len(info.Problems) != 0 || info.Tier != plugins.TierDirect {
		t.Fatalf("inspect: %+v, %v", info, err)
	}
	h := newHost(t, nil)
	sha, err := h.Store(wasm)
	if err != nil || sha != info.SHA256 {
		t.Fatalf("store: %s, %v", sha, err)
	}
	if _, err := h.Store(wasm); err != nil {
		t.Errorf("store again: %v", err)
	}
	p, err := h.LoadLocked(t.Context(), plugins.Lock(info, time.Unix(1, 0)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := echo(t.Context(), p, "over the whole way"); err != nil || got != "over the whole way" {
		t.Errorf("got %q, %v", got, err)
	}
	if p.SHA256() != sha || p.Manifest().ID != "acme" || p.Stats().Calls != 1 {
		t.Errorf("%s, %+v, %+v", p.SHA256(), p.Manifest(), p.Stats())
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := echo(t.Context(), p, "again"); err == nil || !strings.Contains(err.Error(), "plugin acme") {
		t.Errorf("a closed plugin said %v", err)
	}
}

func TestModulesThatAreRefused(t *testing.T) {
	table := func() []byte {
		return asm.Guest(func(m *asm.Module) { m.Table(abi.MaxTableElements + 1) }, asm.OK()).Bytes()
	}
	manyPages := func() []byte {
		return asm.Guest(func(m *asm.Module) { m.Memory(2000, 0) }, asm.OK()).Bytes()
	}
	without := func(name string) []byte {
		m := &asm.Module{}
		m.Memory(1, 0)
		for _, e := range []struct{ name, params, result string }{{"patchbay_abi_1", "", "i"}, {"patchbay_buffer", "i", "i"}, {"patchbay_call", "ii", "l"}} {
			body := asm.I32(0)
			if e.result == "l" {
				body = asm.I64(0)
			}
			if f := m.Func(e.params, e.result, 0, body); e.name != name {
				m.Export(e.name, f)
			}
		}
		return m.Bytes()
	}
	newer := func() []byte {
		m := &asm.Module{}
		m.Export("patchbay_abi_2", m.Func("", "i", 0, asm.I32(0)))
		return m.Bytes()
	}
	foreign := func() []byte {
		return asm.Guest(func(m *asm.Module) { m.Import("env", "system", "i", "i") }, asm.OK()).Bytes()
	}
	extism := func() []byte {
		m := &asm.Module{}
		m.Import("extism:host/env", "input_length", "", "l")
		m.Export("patchbay_call", m.Func("", "i", 0, asm.I32(0)))
		return m.Bytes()
	}
	two := func() []byte {
		m := asm.Guest(nil, asm.OK())
		m.Custom(abi.ManifestSection, []byte("{}"))
		m.Custom(abi.ManifestSection, []byte("{}"))
		return m.Bytes()
	}
	start := func() []byte {
		return asm.Guest(func(m *asm.Module) { m.Start(m.Func("", "", 0, asm.Spin())) }, asm.OK()).Bytes()
	}
	nonsense := func() []byte {
		m := &asm.Module{}
		m.Memory(1, 0)
		m.Data(16, []byte{0xff, 0xff})
		m.Export("patchbay_abi_1", m.Func("", "i", 0, asm.I32(0)))
		m.Export("patchbay_buffer", m.Func("i", "i", 0, asm.I32(1024)))
		m.Export("patchbay_call", m.Func("ii", "l", 0, asm.I64(asm.Packed(16, 2))))
		return m.Bytes()
	}
	tests := []struct {
		name   string
		wasm   func() []byte
		change func(obj) // nil: without a manifest
		want   []string
	}{
		{"empty file", func() []byte { return nil }, nil, []string{"not a WebAssembly module"}},
		{"text", func() []byte { return []byte("#!/bin/sh\necho hello\n") }, nil, []string{"not a WebAssembly module"}},
		{"component", func() []byte { return []byte("\x00asm\x0d\x00\x01\x00") }, nil, []string{"component", "core module"}},
		{"cut", func() []byte { w := small(); return w[:len(w)-5] }, nil, []string{"invalid module"}},
		{"no manifest", small, nil, []string{"no manifest", "patchbay plugin pack"}},
		{"two manifests", two, nil, []string{"is there twice"}},
		{"bad manifest", small, func(m obj) { m["version"] = "x" }, []string{"acme x: manifest: at '/version'"}},
		{"P-08 no call", func() []byte { return without("patchbay_call") }, func(obj) {}, []string{"acme 1.2.3", "does not export patchbay_call(i32, i32) -> i64"}},
		{"P-09 newer ABI", newer, func(obj) {}, []string{"speaks ABI 2, this host speaks ABI 1"}},
		{"P-08 foreign import", foreign, func(obj) {}, []string{"imports env.system"}},
		{"extism", extism, func(obj) {}, []string{"OP_INIT: protocol: the guest returned no output"}},
		{"large table", table, func(obj) {}, []string{"module exceeds a limit", "100000"}},
		{"large memory", manyPages, func(obj) {}, []string{"begins with 125 MiB of memory, its limit is 64 MiB", "plugins.memory_bytes"}},
		{"wants memory", small, func(m obj) { m["limits"] = obj{"memory_bytes": 1 << 30} }, []string{"asks for 1024 MiB of memory, the operator allows 64 MiB"}},
		{"wants time", small, func(m obj) { m["limits"] = obj{"call_ms": 60_000} }, []string{"asks for 1m0s a call, the operator allows 2s"}},
		{"loops in start", start, func(obj) {}, []string{"acme 1.2.3", "OP_INIT: deadline"}},
		{"answers init with nonsense", nonsense, func(obj) {}, []string{"OP_INIT: protocol"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wasm := tt.wasm()
			if tt.change != nil {
				m := manifest()
				tt.change(m)
				wasm = pack(t, wasm, m)
			}
			h := newHost(t, nil)
			_, err := h.Load(t.Context(), wasm, nil)
			wantRefused(t, err, tt.want...)

			// From the plugin directory, the file is named too.
			sha, err := h.Store(wasm)
			if err != nil {
				t.Fatal(err)
			}
			lock := plugins.Locked{ID: "acme", Version: "1.2.3", SHA256: sha}
			if info, err := plugins.Inspect(wasm); err == nil {
				lock.Granted = info.Asks
			}
			_, err = h.LoadLocked(t.Context(), lock, nil)
			wantRefused(t, err, append(tt.want, sha+".wasm")...)
		})
	}
}

func TestA11FileThatIsNotThePinnedOne(t *testing.T) {
	dir := t.TempDir()
	h := newHost(t, func(o *plugins.Options) { o.Dir = dir })
	wasm := pack(t, small(), manifest())
	info, err := plugins.Inspect(wasm)
	if err != nil {
		t.Fatal(err)
	}
	lock := plugins.Lock(info, time.Unix(1, 0))
	file := filepath.Join(dir, lock.SHA256+".wasm")

	_, err = h.LoadLocked(t.Context(), lock, nil)
	wantRefused(t, err, file, "acme 1.2.3", "install the plugin again")
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v does not match ErrNotExist", err)
	}

	if _, err := h.Store(wasm); err != nil {
		t.Fatal(err)
	}
	if stat, err := os.Stat(file); err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("stored as %v, %v", stat.Mode(), err)
	}
	other := manifest()
	other["version"] = "6.6.6"
	if err := os.WriteFile(file, pack(t, small(), other), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = h.LoadLocked(t.Context(), lock, nil)
	wantRefused(t, err, file, "not the one that was installed")
	if !errors.Is(err, plugins.ErrHash) {
		t.Errorf("%v does not match ErrHash", err)
	}

	// Storing the right bytes again mends it, and leaves nothing else behind.
	if _, err := h.Store(wasm); err != nil {
		t.Fatal(err)
	}
	if _, err := h.LoadLocked(t.Context(), lock, nil); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}

	for _, sha := range []string{"", "../../etc/passwd", strings.ToUpper(lock.SHA256), lock.SHA256 + "00"} {
		lock.SHA256 = sha
		_, err := h.LoadLocked(t.Context(), lock, nil)
		wantRefused(t, err, "no SHA-256 hash")
	}
}

func TestA13VersionThatAsksForMoreWaitsForAGrant(t *testing.T) {
	h := newHost(t, nil)
	old, err := plugins.Inspect(pack(t, small(), manifest()))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(obj)
		want   []string // nil: needs no grant
	}{
		{"the same", func(m obj) { m["version"] = "1.2.4" }, nil},
		{"less", func(m obj) { m["slots"] = []any{}; fields(m)["email"] = obj{} }, nil},
		{"fewer methods", func(m obj) { m["slots"].([]any)[0].(obj)["methods"] = []any{"GET"} }, nil},
		{"another name for a place", func(m obj) {
			m["slots"].([]any)[0].(obj)["destination"] = "main"
			m["destinations"].([]any)[0].(obj)["name"] = "main"
		}, nil},
		{"a place", func(m obj) { m["destinations"].([]any)[1].(obj)["host"] = "evil.example" }, []string{"send POST https://evil.example/oauth"}},
		{"a wider path", func(m obj) { delete(m["destinations"].([]any)[1].(obj), "path_prefix") }, []string{"send POST https://login.acme.example/"}},
		{"a method", func(m obj) { m["destinations"].([]any)[1].(obj)["methods"] = []any{"POST", "DELETE"} }, []string{"send DELETE https://login"}},
		{"a slot", func(m obj) { m["slots"].([]any)[0].(obj)["position"] = "query:k" }, []string{"put a secret: api_key in query:k of GET", "of POST"}},
		{"a public field", func(m obj) { fields(m)["name"] = obj{"kind": "public"} }, []string{"read credential field name (public)"}},
		{"a provider", func(m obj) { provider(m)["key"] = "other" }, []string{"serve provider other"}},
		{"bodies", func(m obj) { provider(m)["body"] = "bytes" }, []string{"read request bodies of acme"}},
		{"a client header", func(m obj) { provider(m)["client_headers"] = []any{"X-Trace"} }, []string{"read client header x-trace"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := manifest()
			tt.change(m)
			wasm := pack(t, small(), m)
			sha, err := h.Store(wasm)
			if err != nil {
				t.Fatal(err)
			}
			_, err = h.LoadLocked(t.Context(), plugins.Locked{ID: "acme", SHA256: sha, Granted: old.Asks}, nil)
			if tt.want == nil {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, plugins.ErrNeedsGrant) || errors.Is(err, plugins.ErrRefused) {
				t.Fatalf("got %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
	// What an operator granted survives the store.
	var again plugins.Locked
	if err := json.Unmarshal(encode(t, plugins.Lock(old, time.Unix(1, 0))), &again); err != nil {
		t.Fatal(err)
	}
	if lacks := again.Granted.Missing(old.Asks); len(lacks) != 0 {
		t.Errorf("lost: %q", lacks)
	}
}

func TestConfiguration(t *testing.T) {
	m := manifest()
	m["config"] = obj{"type": "object", "additionalProperties": false, "properties": obj{
		"refuse": obj{"type": "boolean"}, "api_token": obj{"type": "string", "pattern": "^tok-"},
	}}
	m["config_secrets"] = []any{"api_token"}
	wasm := pack(t, goGuest, m)
	h := newHost(t, nil)
	tests := []struct {
		name, config string
		want         []string // nil: taken
	}{
		{"none", ``, nil},
		{"empty", `{}`, nil},
		{"good", `{"api_token":"tok-sesame"}`, nil},
		{"unknown field", `{"colour":"red"}`, []string{"acme 1.2.3", "breaks its schema at /"}},
		{"bad secret", `{"api_token":"sesame"}`, []string{"/api_token (pattern)"}},
		{"key twice", `{"refuse":true,"refuse":false}`, []string{"occurs twice"}},
		{"no object", `[1]`, []string{"not a JSON object"}},
		{"null", `null`, []string{"not a JSON object"}},
		{"the plugin says no", `{"refuse":true}`, []string{"acme 1.2.3", "refuses to start: auth_invalid: this configuration is not for me"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := h.Load(t.Context(), wasm, json.RawMessage(tt.config))
			if tt.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				if err := p.Close(t.Context()); err != nil {
					t.Error(err)
				}
				return
			}
			wantRefused(t, err, tt.want...)
			if strings.Contains(err.Error(), "sesame") {
				t.Errorf("%q shows a secret", err)
			}
		})
	}
}

func TestCompileRunsNothing(t *testing.T) {
	cache := t.TempDir()
	h := newHost(t, func(o *plugins.Options) { o.CacheDir = cache })
	// Its start function would never end.
	wasm := asm.Guest(func(m *asm.Module) { m.Start(m.Func("", "", 0, asm.Spin())) }, asm.OK()).Bytes()
	if err := h.Compile(t.Context(), wasm); err != nil {
		t.Fatal(err)
	}
	if files, err := filepath.Glob(filepath.Join(cache, "wazero-*", "*")); err != nil || len(files) != 1 {
		t.Errorf("the cache has %q, %v", files, err)
	}
	wantRefused(t, h.Compile(t.Context(), []byte("text")), "not a WebAssembly module")
}

func TestHostCloses(t *testing.T) {
	h, err := plugins.NewHost(t.Context(), plugins.Options{Dir: t.TempDir(), CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	wasm := pack(t, small(), manifest())
	p, err := h.Load(t.Context(), wasm, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	if p, err := h.Load(t.Context(), wasm, nil); err == nil {
		t.Errorf("a closed host loaded %v", p.Manifest().ID)
	}
}

// P-17: a megabyte of nested blocks is refused or compiled in proportion to
// its size, and a hundred thousand functions are refused.
func TestPathologicalModules(t *testing.T) {
	h := newHost(t, nil)
	deep := make([]byte, 0, 1<<18)
	for range 50_000 {
		deep = append(deep, 0x02, 0x40) // block
	}
	for range 50_000 {
		deep = append(deep, 0x0b)
	}
	_, err := h.Load(t.Context(), pack(t, asm.Guest(func(m *asm.Module) { m.Func("", "", 0, deep) }, asm.OK()).Bytes(), manifest()), nil)
	wantRefused(t, err, "module exceeds a limit")
	_, err = h.Load(t.Context(), pack(t, asm.Guest(func(m *asm.Module) {
		for range 100_000 {
			m.Func("", "", 0)
		}
	}, asm.OK()).Bytes(), manifest()), nil)
	wantRefused(t, err, "module exceeds a limit")
	_, err = h.Load(t.Context(), pack(t, asm.Guest(func(m *asm.Module) {
		m.Func("", "", 0, make([]byte, abi.MaxFunctionBody))
	}, asm.OK()).Bytes(), manifest()), nil)
	wantRefused(t, err, "module exceeds a limit")
}
