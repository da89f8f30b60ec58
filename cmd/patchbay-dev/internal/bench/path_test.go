package bench

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/telemetry"
	"github.com/patchbay-dev/patchbay/host/testkit/wasmcache"
)

// canned is a door whose upstream answers at once.
type canned struct{ body []byte }

func (d canned) Do(_ context.Context, _ *auth.Auth, _ egress.Destination, req *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, ContentLength: int64(len(d.body)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(d.body)),
	}, nil
}

// memory is a client in memory that keeps only the status.
type memory struct {
	header http.Header
	status int
}

func (m *memory) Header() http.Header         { return m.header }
func (m *memory) WriteHeader(status int)      { m.status = status }
func (m *memory) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkRequestPath is what a request costs between the two sockets: all of
// Patchbay, nothing of net/http.
func BenchmarkRequestPath(b *testing.B) {
	for _, form := range []string{"native", "sandboxed"} {
		b.Run(form, func(b *testing.B) {
			r := role{Name: form, Dir: b.TempDir(), Cache: wasmcache.Dir()}
			if form == "sandboxed" {
				r.Plugin = builtPlugin(b)
			}
			g, m, closeForm, err := formOf(b.Context(), r)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { closeForm() })
			secrets := new(telemetry.Secrets)
			secrets.Add(upstreamKey)
			log, err := telemetry.NewLogger(io.Discard, telemetry.Options{Secrets: secrets})
			if err != nil {
				b.Fatal(err)
			}
			gw, key, closeGateway, err := assemble(b.Context(), g, m, canned{[]byte(answerBody())}, "127.0.0.1:1", log)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { closeGateway() })
			body := requestBody(false)
			req := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", nil)
			req.Header.Set("Authorization", "Bearer "+key)
			req.Header.Set("Content-Type", "application/json")
			req.ContentLength = int64(len(body))
			handler := gw.Handler()
			var in strings.Reader
			b.ReportAllocs()
			for b.Loop() {
				in.Reset(body)
				req.Body = io.NopCloser(&in)
				w := &memory{header: http.Header{}}
				if handler.ServeHTTP(w, req); w.status != http.StatusOK {
					b.Fatal(w.status)
				}
			}
		})
	}
}

// builtPlugin is the example as it is in bin; make build makes it.
func builtPlugin(b *testing.B) string {
	b.Helper()
	file, err := filepath.Abs("../../../../bin/openai-compatible.wasm")
	if err != nil {
		b.Fatal(err)
	}
	return file
}

// BenchmarkGuestExecute is the guest's part of it.
func BenchmarkGuestExecute(b *testing.B) {
	in := abi.AppendMessage(nil, &abi.ExecuteInput{
		Body: &abi.BodyHandle{Size: 1000},
		Attempt: &abi.Attempt{
			ID: "ABCDEFGHIJKLMNOP", Kind: abi.KindExecute, Provider: "openai-compatible", Model: benchModel, RequestedModel: benchModel, Format: "openai-chat",
			Credential: &abi.Credential{ID: strings.Repeat("ab", 12), Label: "bench", Fields: []abi.Pair{{Name: "base_url", Value: "http://127.0.0.1:8080/v1"}}, Secrets: []string{"api_key"}},
		},
	})
	for _, form := range []string{"native", "sandboxed"} {
		b.Run(form, func(b *testing.B) {
			r := role{Name: form, Dir: b.TempDir(), Cache: wasmcache.Dir()}
			if form == "sandboxed" {
				r.Plugin = builtPlugin(b)
			}
			g, _, closeForm, err := formOf(b.Context(), r)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { closeForm() })
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				if out, err = g.Call(b.Context(), abi.OpExecute, in, out[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
