package pluginbuild

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/builtin/openaicompat"
	"github.com/patchbay-dev/patchbay/host/testkit/wasmcache"
	"github.com/patchbay-dev/patchbay/plugins"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

// load builds an example and runs it in the sandbox.
func load(t *testing.T, name string) abi.Guest {
	t.Helper()
	wasm, _ := build(t, name)
	t.Setenv("GOMODCACHE", "")
	t.Setenv("GOPROXY", "")
	wasmcache.Warm(t, wasm)
	host, err := plugins.NewHost(t.Context(), plugins.Options{Dir: t.TempDir(), CacheDir: wasmcache.Dir(), Instances: 2})
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

func attempt(key string, kind abi.Kind) *abi.Attempt {
	return &abi.Attempt{
		ID: "a1", Kind: kind, Provider: key, Model: "m", RequestedModel: "m", Format: "openai-chat",
		Credential: &abi.Credential{ID: "c1", Fields: []abi.Pair{{Name: "base_url", Value: "http://localhost:1/v1"}}, Secrets: []string{"api_key"}},
	}
}

// TestAnOpenAICompatibleProviderIsFifteenLines counts everything in the file.
func TestAnOpenAICompatibleProviderIsFifteenLines(t *testing.T) {
	text, err := os.ReadFile(examples + "openai-compatible/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("\n")); n > 15 {
		t.Errorf("main.go has %d lines", n)
	}
}

// TestTheExampleAndTheBuiltinGiveTheSameBytes holds the stranger's file in the
// sandbox against the provider that is linked in.
func TestTheExampleAndTheBuiltinGiveTheSameBytes(t *testing.T) {
	const key = "openai-compatible"
	module, native := load(t, key), guest.Native(key, openaicompat.Provider())
	models := func(status uint32, body string) *abi.ResumeInput {
		return &abi.ResumeInput{
			Op: abi.OpModels, Step: "guest/openai-models", Attempt: attempt(key, abi.KindUnspecified),
			Which: abi.ResumeInputIsResponse, Response: &abi.Response{Status: status, Body: []byte(body)},
		}
	}
	for i, c := range []struct {
		op abi.Op
		in abi.Message
	}{
		{abi.OpInit, &abi.InitInput{HostVersion: "v1", ABI: 1, Config: []byte("{}")}},
		{abi.OpExecute, &abi.ExecuteInput{Attempt: attempt(key, abi.KindExecute), Body: &abi.BodyHandle{Size: 9}}},
		{abi.OpExecute, &abi.ExecuteInput{Attempt: attempt(key, abi.KindStream), Body: &abi.BodyHandle{Size: 1 << 20}}},
		{abi.OpExecute, &abi.ExecuteInput{Attempt: attempt("other", abi.KindStream)}},
		{abi.OpModels, &abi.ModelsInput{Provider: key}},
		{abi.OpResume, models(200, `{"data":[{"id":"a\ud83d\ude00","created":1.7e9,"owned_by":null},{"id":1},{"id":"b"}]}`)},
		{abi.OpResume, models(200, `{"data":[`+strings.Repeat(`{"id":"x"},`, 5000)+`{"id":"y"}]}`)},
		{abi.OpResume, models(200, "\xff{]")},
		{abi.OpResume, models(429, `{"error":{"message":"`+strings.Repeat("ü", 3000)+`"}}`)},
		{abi.OpResume, models(503, ``)},
		{abi.OpResume, &abi.ResumeInput{Op: abi.OpModels, Attempt: attempt(key, abi.KindUnspecified), Which: abi.ResumeInputIsFailure, Failure: &abi.Fail{Code: "transient", Message: "no route"}}},
		{abi.OpClassify, &abi.ClassifyInput{Op: abi.OpExecute, Attempt: attempt(key, abi.KindStream), Response: &abi.Response{Status: 404}}},
		{abi.OpEvents, &abi.EventsInput{Op: abi.OpExecute, EOF: abi.EOFClean}},
		{abi.OpRefresh, &abi.RefreshInput{Provider: key}},
		{abi.OpCloseSession, &abi.CloseSessionInput{All: true}},
	} {
		input := abi.AppendMessage(nil, c.in)
		want, err := native.Call(t.Context(), c.op, input, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := module.Call(t.Context(), c.op, input, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Errorf("input %d, %s: native %q, module %q", i, c.op, want, got)
		}
	}
}

// spoken is what echo said in one attempt.
type spoken struct {
	text, finish string
	usage        *abi.Usage
	// told is the usage in the last chunk, absent when there was none.
	told          json.RawMessage
	chunks, sleep int
	last          abi.Action
}

// speak runs an attempt of echo to its end.
func speak(t *testing.T, g abi.Guest, kind abi.Kind, body string) spoken {
	t.Helper()
	var s spoken
	op, in := abi.OpExecute, abi.Message(&abi.ExecuteInput{
		Attempt: attempt("echo", kind), Body: &abi.BodyHandle{Size: uint64(len(body)), Bytes: []byte(body)},
	})
	var state []byte
	for {
		out, err := g.Call(t.Context(), op, abi.AppendMessage(nil, in), nil)
		if err != nil {
			t.Fatal(err)
		}
		var list abi.ActionList
		if err := abi.DecodeStrict(out, &list); err != nil {
			t.Fatal(err)
		}
		if list.State != nil {
			state = list.State
		}
		if len(state) > abi.MaxState {
			t.Fatalf("state has %d bytes", len(state))
		}
		for _, a := range list.Actions {
			switch a.Which {
			case abi.ActionIsUsage:
				s.usage = a.Usage
			case abi.ActionIsChunks:
				for _, payload := range a.Chunks.Payloads {
					s.hear(t, payload)
				}
			}
		}
		if s.last = list.Actions[len(list.Actions)-1]; s.last.Which != abi.ActionIsSleep {
			return s
		}
		s.sleep++
		op, in = abi.OpResume, &abi.ResumeInput{
			Op: abi.OpExecute, Step: s.last.Sleep.Step, State: state, Attempt: attempt("echo", kind),
			Which: abi.ResumeInputIsSleptMS, SleptMS: s.last.Sleep.MS,
		}
	}
}

func (s *spoken) hear(t *testing.T, payload []byte) {
	t.Helper()
	var chunk struct {
		ID, Object, Model string
		Choices           []struct {
			Delta        struct{ Role, Content string }
			FinishReason string `json:"finish_reason"`
		}
		Usage json.RawMessage
	}
	if err := json.Unmarshal(payload, &chunk); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	if chunk.ID != "chatcmpl-a1" || chunk.Object != "chat.completion.chunk" || chunk.Model != "m" {
		t.Errorf("head of %s", payload)
	}
	s.chunks++
	s.told = chunk.Usage
	for _, choice := range chunk.Choices {
		s.text += choice.Delta.Content
		s.finish = choice.FinishReason
	}
}

func message(content string) string {
	return `{"model":"echo","messages":[{"role":"user","content":"first"},{"role":"assistant","content":"x"},{"role":"user","content":` + content + `}`
}

// TestEchoSaysTheLastMessage runs the example as it is built.
func TestEchoSaysTheLastMessage(t *testing.T) {
	g := load(t, "echo")
	quoted := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	long := strings.Repeat("many words ", 500)
	for _, c := range []struct {
		content, text string
		maxSleeps     int
		words         int64
	}{
		{`"hello"`, "hello", 0, 1},
		{`"one two  three"`, "one two  three", 2, 3},
		{`[{"type":"text","text":"a "},{"type":"image_url"},{"type":"text","text":"b 😀"}]`, "a b 😀", 2, 3},
		{quoted(" \"quoted\"\n\ttab "), " \"quoted\"\n\ttab ", 2, 2},
		{`""`, "", 0, 0},
		{quoted(long), long, 8, 1000},
		{quoted(strings.Repeat("big ", 1<<18)), strings.Repeat("big ", 1<<18), 0, 1 << 18},
	} {
		name := fmt.Sprintf("%.20s", c.content)
		s := speak(t, g, abi.KindStream, message(c.content)+`],"stream_options":{"include_usage":true}}`)
		if s.text != c.text || s.finish != "stop" || s.last.Which != abi.ActionIsEnd {
			t.Errorf("%s: said %.60q, finish %q, then %s", name, s.text, s.finish, s.last.Which)
		}
		if s.sleep > c.maxSleeps || s.sleep == 0 && c.maxSleeps > 0 || s.chunks > 300 {
			t.Errorf("%s: %d sleeps, %d chunks", name, s.sleep, s.chunks)
		}
		usage := &abi.Usage{InputTokens: c.words, OutputTokens: c.words}
		if diff := cmp.Diff(usage, s.usage); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if want := fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, c.words, c.words, 2*c.words); string(s.told) != want {
			t.Errorf("%s: usage is %s", name, s.told)
		}

		s = speak(t, g, abi.KindStream, message(c.content)+`]}`)
		if s.text != c.text || s.finish != "stop" || len(s.told) > 0 {
			t.Errorf("%s without usage: finish %q, usage %s", name, s.finish, s.told)
		}

		s = speak(t, g, abi.KindExecute, message(c.content)+`]}`)
		var whole struct {
			Choices []struct {
				Message struct{ Role, Content string }
			}
		}
		if s.last.Which != abi.ActionIsReply || json.Unmarshal(s.last.Reply.Body, &whole) != nil || whole.Choices[0].Message.Content != c.text {
			t.Errorf("%s: the whole answer is %s", name, s.last.Which)
		}
	}
	for body, code := range map[string]string{
		``: guest.CodeBadRequest, `{"messages":[]}`: guest.CodeBadRequest, `{"messages":[{"role":"system","content":"x"}]}`: guest.CodeBadRequest,
		message(quoted(strings.Repeat("x", 5<<20))) + `]}`: guest.CodeContextLength,
	} {
		if s := speak(t, g, abi.KindStream, body); s.last.Which != abi.ActionIsFail || s.last.Fail.Code != code || s.last.Fail.Scope != abi.ScopeRequest {
			t.Errorf("%.40s: %s", body, s.last.Which)
		}
	}
}
