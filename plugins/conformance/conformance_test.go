package conformance_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/builtin/openaicompat"
	"github.com/patchbay-dev/patchbay/host/testkit/wasmcache"
	"github.com/patchbay-dev/patchbay/plugins"
	"github.com/patchbay-dev/patchbay/plugins/conformance"
	"github.com/patchbay-dev/patchbay/plugins/meter"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
	"github.com/patchbay-dev/patchbay/sdk-guest/testdata/mapped/provider"
)

// answers is a guest that is one function, which may keep what it wants.
type answers func(op abi.Op, input []byte) (abi.ActionList, error)

func (a answers) Call(_ context.Context, op abi.Op, input, dst []byte) ([]byte, error) {
	list, err := a(op, input)
	if err != nil {
		return dst, err
	}
	return abi.AppendMessage(dst, &list), nil
}

func list(actions ...abi.Action) abi.ActionList { return abi.ActionList{Actions: actions} }

func fail() abi.ActionList {
	return list(abi.Action{Which: abi.ActionIsFail, Fail: &abi.Fail{Code: "bad_request"}})
}

func unsupported() abi.ActionList {
	return list(abi.Action{Which: abi.ActionIsUnsupported, Unsupported: &abi.Unsupported{What: "x"}})
}

// mapping is a good provider, whose every answer a test may change.
func mapping(change func(op abi.Op, input []byte, good abi.ActionList) (abi.ActionList, error)) abi.Guest {
	return answers(func(op abi.Op, input []byte) (abi.ActionList, error) {
		good := unsupported()
		switch op {
		case abi.OpExecute:
			var in abi.ExecuteInput
			if abi.DecodeMessage(input, &in) != nil || in.Attempt == nil || in.Attempt.Kind != abi.KindStream {
				good = fail()
				break
			}
			good = list(abi.Action{Which: abi.ActionIsSend, Send: &abi.Send{Request: &abi.Request{Method: "POST"}, Deliver: abi.DeliverEvents, Step: "map"}})
		case abi.OpEvents:
			var in abi.EventsInput
			if abi.DecodeMessage(input, &in) != nil {
				good = fail()
				break
			}
			good = list()
			for _, e := range in.Events {
				good.Actions = append(good.Actions, abi.Action{Which: abi.ActionIsChunks, Chunks: &abi.Chunks{Payloads: [][]byte{e.Data}}})
			}
			end := abi.Action{Which: abi.ActionIsWait, Wait: &abi.Wait{}}
			if in.EOF != abi.EOFNone {
				end = abi.Action{Which: abi.ActionIsEnd, End: &abi.End{}}
			}
			good.Actions = append(good.Actions, end)
		case abi.OpResume:
			good = fail()
		}
		if change == nil {
			return good, nil
		}
		return change(op, input, good)
	})
}

func manifest() *abi.Manifest {
	m := &abi.Manifest{ID: "acme", Version: "1.0.0", ABI: 1}
	m.Provides.Providers = []abi.Provider{{
		Key: "acme", Formats: []string{"openai-chat"}, Modes: []string{"execute", "stream"}, Deliver: []string{"events"}, Body: "bytes",
		Models: abi.ModelSource{Source: "none"},
	}}
	return m
}

func problems(t *testing.T, s conformance.Subject) string {
	t.Helper()
	var all []string
	for _, r := range conformance.Run(t.Context(), s) {
		if r.Calls == 0 && len(r.Problems) == 0 {
			t.Errorf("%s made no call", r.Name)
		}
		for _, p := range r.Problems {
			all = append(all, r.Name+": "+p)
		}
	}
	return strings.Join(all, "\n")
}

// TestAGoodGuestPasses, so that what follows is each time the one thing.
func TestAGoodGuestPasses(t *testing.T) {
	g := mapping(nil)
	if got := problems(t, conformance.Subject{Manifest: manifest(), Shared: g, Fresh: g}); got != "" {
		t.Error(got)
	}
}

// TestWhatIsFound breaks one promise at a time.
func TestWhatIsFound(t *testing.T) {
	type change = func(op abi.Op, input []byte, good abi.ActionList) (abi.ActionList, error)
	calls := 0
	tests := []struct {
		name string
		do   change
		want string
	}{
		{"it keeps something", func(op abi.Op, _ []byte, good abi.ActionList) (abi.ActionList, error) {
			if calls++; op == abi.OpExecute {
				good.State = fmt.Append(nil, calls)
			}
			return good, nil
		}, "twice, gave different bytes"},
		{"it traps", func(op abi.Op, input []byte, good abi.ActionList) (abi.ActionList, error) {
			if op == abi.OpExecute && len(input) > 100_000 {
				return good, &abi.CallError{Plugin: "acme", Op: op, Fault: abi.FaultTrap, Detail: "unreachable"}
			}
			return good, nil
		}, "hostile bodies: OP_EXECUTE: plugin acme: OP_EXECUTE: trap"},
		{"it counts batches", func(op abi.Op, _ []byte, good abi.ActionList) (abi.ActionList, error) {
			if op == abi.OpEvents && len(good.Actions) > 1 {
				good.Actions = append([]abi.Action{{Which: abi.ActionIsChunks, Chunks: &abi.Chunks{Payloads: [][]byte{[]byte("batch")}}}}, good.Actions...)
			}
			return good, nil
		}, "depends on how events are batched"},
		{"a wrong end", func(op abi.Op, _ []byte, good abi.ActionList) (abi.ActionList, error) {
			if op == abi.OpExecute {
				return list(abi.Action{Which: abi.ActionIsWait, Wait: &abi.Wait{}}), nil
			}
			return good, nil
		}, "may not end this op"},
		{"no end", func(abi.Op, []byte, abi.ActionList) (abi.ActionList, error) { return list(), nil }, "list of actions is empty"},
		{"two ends", func(_ abi.Op, _ []byte, good abi.ActionList) (abi.ActionList, error) {
			good.Actions = append([]abi.Action{{Which: abi.ActionIsEnd, End: &abi.End{}}}, good.Actions...)
			return good, nil
		}, "terminal and not the last"},
		{"a stream for a whole answer", func(op abi.Op, input []byte, good abi.ActionList) (abi.ActionList, error) {
			var in abi.ExecuteInput
			if op == abi.OpExecute && abi.DecodeMessage(input, &in) == nil && in.Attempt != nil && in.Attempt.Kind == abi.KindExecute {
				return list(abi.Action{Which: abi.ActionIsEnd, End: &abi.End{}}), nil
			}
			return good, nil
		}, "belongs to a stream"},
		{"too much state", func(_ abi.Op, _ []byte, good abi.ActionList) (abi.ActionList, error) {
			good.State = make([]byte, abi.MaxState+1)
			return good, nil
		}, "longer than 16 KiB"},
		{"it knows every op", func(op abi.Op, _ []byte, good abi.ActionList) (abi.ActionList, error) {
			if op > abi.OpCloseSession {
				return list(abi.Action{Which: abi.ActionIsOK, OK: &abi.Ok{}}), nil
			}
			return good, nil
		}, "want unsupported"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := mapping(tt.do)
			if got := problems(t, conformance.Subject{Manifest: manifest(), Shared: g, Fresh: g}); !strings.Contains(got, tt.want) {
				t.Errorf("want %q in\n%s", tt.want, got)
			}
		})
	}
	t.Run("it knows whether it is fresh", func(t *testing.T) {
		other := mapping(func(_ abi.Op, _ []byte, good abi.ActionList) (abi.ActionList, error) {
			good.State = []byte("fresh")
			return good, nil
		})
		if got := problems(t, conformance.Subject{Manifest: manifest(), Shared: mapping(nil), Fresh: other}); !strings.Contains(got, "than a fresh one") {
			t.Error(got)
		}
	})
}

// TestRecordings plays what an upstream said, and holds what the client gets.
func TestRecordings(t *testing.T) {
	dir := fstest.MapFS{
		"good.json":  {Data: []byte(`{"mode":"stream","body":{"messages":[]},"events":[{"data":{"a":1}},{"data":"text"}],"want":[{"a": 1},"text"]}`)},
		"wrong.json": {Data: []byte(`{"mode":"stream","body":{},"events":[{"data":{"a":1}}],"want":[{"a":2}]}`)},
		"other.json": {Data: []byte(`{"provider":"nobody","body":{}}`)},
		"README.md":  {Data: []byte("not a recording")},
	}
	recorded, err := conformance.ReadRecordings(dir)
	if err != nil || len(recorded) != 3 {
		t.Fatalf("%d, %v", len(recorded), err)
	}
	g := mapping(nil)
	got := problems(t, conformance.Subject{Manifest: manifest(), Shared: g, Fresh: g, Recorded: recorded})
	if strings.Contains(got, "good.json") || !strings.Contains(got, "recording wrong.json: the client gets\n{\"a\":1}") || !strings.Contains(got, `no provider "nobody"`) {
		t.Error(got)
	}
	dir["bad.json"] = &fstest.MapFile{Data: []byte(`{"bdy":1}`)}
	if _, err := conformance.ReadRecordings(dir); err == nil || !strings.Contains(err.Error(), "bad.json") {
		t.Error(err)
	}
	if none, err := conformance.ReadRecordings(os.DirFS(t.TempDir() + "/nowhere")); err != nil || none != nil {
		t.Errorf("%v, %v", none, err)
	}
}

// TestBothForms: a provider of the SDK passes, linked in and as a module.
func TestBothForms(t *testing.T) {
	m, err := plugins.ParseManifest([]byte(provider.Manifest))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("first party", func(t *testing.T) {
		first, err := plugins.ParseManifest(openaicompat.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		g := guest.Native(first.ID, openaicompat.Provider())
		if got := problems(t, conformance.Subject{Manifest: first, Shared: g, Fresh: g}); got != "" {
			t.Error(got)
		}
	})
	t.Run("native", func(t *testing.T) {
		g := guest.Native(m.ID, provider.Mapped())
		if got := problems(t, conformance.Subject{Manifest: m, Shared: g, Fresh: g}); got != "" {
			t.Error(got)
		}
	})
	t.Run("module", func(t *testing.T) {
		wasm, err := meter.WithCustom(wasmcache.BuildGuest(t, "../../sdk-guest/testdata/mapped"), abi.ManifestSection, []byte(provider.Manifest))
		if err != nil {
			t.Fatal(err)
		}
		wasmcache.Warm(t, wasm)
		load := func(fresh bool) abi.Guest {
			host, err := plugins.NewHost(t.Context(), plugins.Options{Dir: t.TempDir(), CacheDir: wasmcache.Dir(), Instances: 1, Fresh: fresh})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := host.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
			p, err := host.Load(t.Context(), wasm, nil)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		if got := problems(t, conformance.Subject{Manifest: m, Shared: load(false), Fresh: load(true)}); got != "" {
			t.Error(got)
		}
	})
}
