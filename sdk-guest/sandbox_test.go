package guest_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/wasmcache"
	"github.com/patchbay-dev/patchbay/plugins"
	"github.com/patchbay-dev/patchbay/plugins/meter"
	"github.com/patchbay-dev/patchbay/sdk-guest/testdata/mapped/provider"
)

// sandboxed loads the mapped provider as a module.
func sandboxed(t testing.TB) abi.Guest {
	t.Helper()
	wasm, err := meter.WithCustom(wasmcache.BuildGuest(t, "testdata/mapped"), abi.ManifestSection, []byte(provider.Manifest))
	if err != nil {
		t.Fatal(err)
	}
	wasmcache.Warm(t, wasm)
	host, err := plugins.NewHost(t.Context(), plugins.Options{Dir: t.TempDir(), CacheDir: wasmcache.Dir(), Instances: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	plugin, err := host.Load(t.Context(), wasm, nil)
	if err != nil {
		t.Fatal(err)
	}
	return plugin
}

// TestBothFormsGiveTheSameBytes holds a provider that is linked in against the
// same source in the sandbox.
func TestBothFormsGiveTheSameBytes(t *testing.T) {
	native, module := mapped(), sandboxed(t)
	var state []byte
	same := func(op abi.Op, in abi.Message) {
		t.Helper()
		input := abi.AppendMessage(nil, in)
		want, err := native.Call(t.Context(), op, input, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := module.Call(t.Context(), op, input, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Errorf("%s: native %q, module %q", op, want, got)
		}
		var list abi.ActionList
		if err := abi.DecodeStrict(got, &list); err != nil {
			t.Errorf("%s: %v", op, err)
		}
		if list.State != nil {
			state = bytes.Clone(list.State)
		}
	}
	big := bytes.Repeat([]byte("a long prompt "), 1<<20/14)
	for _, body := range []string{question, "", "{}", "[", `{"messages":[{"role":"user","content":"` + string(big) + `"}]}`, question} {
		for _, kind := range []abi.Kind{abi.KindExecute, abi.KindStream} {
			same(abi.OpExecute, execute("mapped", "slow", kind, body))
			same(abi.OpExecute, execute("mapped", "parrot", kind, body))
		}
	}
	for i := range len(upstream) + 1 {
		same(abi.OpEvents, events(upstream[:i], state, abi.EOFNone))
		same(abi.OpEvents, events(upstream[i:], state, abi.EOFReset))
	}
	for _, step := range []string{"generated", "submitted", "poll", "polled", "voices", "none"} {
		for _, body := range []string{`{"job":"1"}`, `{"state":"running"}`, `{"state":"done","say":"x"}`, `{"voices":[{"name":"v"}]}`, `x`, string(big)} {
			for _, status := range []uint32{200, 429, 503} {
				same(abi.OpResume, &abi.ResumeInput{
					Op: abi.OpExecute, Step: step, State: state, Attempt: attempt("mapped", "parrot", abi.KindStream),
					Which: abi.ResumeInputIsResponse, Response: &abi.Response{Status: status, Body: []byte(body)},
				})
			}
		}
	}
	same(abi.OpClassify, &abi.ClassifyInput{Op: abi.OpExecute, Attempt: attempt("mapped", "parrot", abi.KindStream),
		Response: &abi.Response{Status: 400, Body: []byte(`{"fault":{"kind":"quota"}}`)}})
	same(abi.OpModels, &abi.ModelsInput{Provider: "mapped"})
	same(abi.OpLogin, &abi.LoginInput{Provider: "mapped"})
}

// TestALargeBodyIsTakenAgainAndAgain: what a large call leaves behind in an
// instance makes room for the next.
func TestALargeBodyIsTakenAgainAndAgain(t *testing.T) {
	module := sandboxed(t)
	body := `{"messages":[{"role":"user","content":"` + string(bytes.Repeat([]byte("x"), 8<<20)) + `"}]}`
	for range 6 {
		list := call(t, module, abi.OpExecute, execute("mapped", "parrot", abi.KindStream, body))
		if n := len(last(list).Send.Request.Body[0].Literal); n < 8<<20 {
			t.Fatalf("the request has %d bytes", n)
		}
		call(t, module, abi.OpEvents, events(upstream, nil, abi.EOFNone))
	}
}

func BenchmarkMappedEvent(b *testing.B) {
	for _, form := range []struct {
		name string
		make func() abi.Guest
	}{{"native", mapped}, {"module", func() abi.Guest { return sandboxed(b) }}} {
		b.Run(form.name, func(b *testing.B) {
			g := form.make()
			state := call(b, g, abi.OpExecute, execute("mapped", "parrot", abi.KindStream, question)).State
			for _, n := range []int{1, 8} {
				lines := make([]string, n)
				for i := range lines {
					lines[i] = upstream[1]
				}
				input := abi.AppendMessage(nil, events(lines, state, abi.EOFNone))
				b.Run(map[int]string{1: "one", 8: "batch-of-8"}[n], func(b *testing.B) {
					b.ReportAllocs()
					var out []byte
					for b.Loop() {
						var err error
						if out, err = g.Call(b.Context(), abi.OpEvents, input, out[:0]); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
				})
			}
		})
	}
}
