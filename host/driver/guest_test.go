package driver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/executor"
)

const testKey = "sk-live-0123456789abcdef"

// call is what a guest was asked: the op and its decoded input.
type call struct {
	op       abi.Op
	execute  *abi.ExecuteInput
	events   *abi.EventsInput
	resume   *abi.ResumeInput
	classify *abi.ClassifyInput
	models   *abi.ModelsInput
	refresh  *abi.RefreshInput
	login    *abi.LoginInput
}

// fakeGuest answers with a function and counts what it is asked.
type fakeGuest struct {
	answer func(n int, c call) []abi.Action
	state  func(n int) []byte

	mu    sync.Mutex // guards calls
	calls []call
}

func (g *fakeGuest) Call(_ context.Context, op abi.Op, input, dst []byte) ([]byte, error) {
	c := call{op: op}
	var msg abi.Message
	switch op {
	case abi.OpExecute:
		c.execute = &abi.ExecuteInput{}
		msg = c.execute
	case abi.OpEvents:
		c.events = &abi.EventsInput{}
		msg = c.events
	case abi.OpResume:
		c.resume = &abi.ResumeInput{}
		msg = c.resume
	case abi.OpClassify:
		c.classify = &abi.ClassifyInput{}
		msg = c.classify
	case abi.OpRefresh:
		c.refresh = &abi.RefreshInput{}
		msg = c.refresh
	case abi.OpModels:
		c.models = &abi.ModelsInput{}
		msg = c.models
	case abi.OpLogin:
		c.login = &abi.LoginInput{}
		msg = c.login
	}
	if err := abi.DecodeStrict(append([]byte(nil), input...), msg); err != nil {
		return dst, &abi.CallError{Plugin: "fake", Op: op, Fault: abi.FaultProtocol, Err: err}
	}
	g.mu.Lock()
	n := len(g.calls)
	g.calls = append(g.calls, c)
	g.mu.Unlock()
	list := &abi.ActionList{Actions: g.answer(n, c)}
	if g.state != nil {
		list.State = g.state(n)
	}
	return abi.AppendMessage(dst, list), nil
}

// manifest is that of a provider with a key, a base URL and one slot.
func manifest() *abi.Manifest {
	return &abi.Manifest{
		ID: "fake", Version: "1.0.0", ABI: 1,
		Provides: abi.Provides{Providers: []abi.Provider{{
			Key: "fake", Formats: []string{"openai-chat"}, Modes: []string{"execute", "stream"},
			Deliver: []string{"pass", "events", "whole"},
		}}},
		Credential: abi.CredentialSchema{Fields: map[string]abi.CredentialField{
			"api_key":  {Required: true},
			"other":    {},
			"base_url": {Kind: abi.FieldDestination, Required: true},
			"region":   {Kind: abi.FieldDestination, Pattern: "[a-z0-9.-]+"},
			"project":  {Kind: abi.FieldPublic, Pattern: "[a-z]+", Default: "main"},
		}},
		Slots: []abi.Slot{
			{Secret: "api_key", Destination: "api", Methods: []string{"GET", "POST"}, Position: "header:Authorization", Prefix: "Bearer "},
			{Secret: "api_key", Destination: "api", Methods: []string{"GET"}, Position: "query:key"},
			{Secret: "api_key", Destination: "api", Methods: []string{"POST"}, Position: "path:1"},
		},
		Destinations: []abi.Destination{
			{Name: "api", Field: "base_url", Methods: []string{"GET", "POST"}},
			{Name: "cloud", Scheme: "https", Host: "{region}.cloud.example", PathPrefix: "/v1", Methods: []string{"POST"}},
		},
		Capabilities: []abi.Capability{{Name: abi.CapabilityNetwork, Reason: "to ask the provider"}},
	}
}

func credential(base string) *auth.Auth {
	return &auth.Auth{
		ID: "account@example.com", Provider: "fake", Label: "work",
		Attributes: map[string]string{"base_url": base},
		Metadata:   map[string]any{"api_key": testKey, "expires_at": "2030-01-02T03:04:05Z"},
		ProxyURL:   "", StatusMessage: "hidden", Index: "hidden",
	}
}

// door is the real one; the tests' upstreams are on loopback.
func door(t testing.TB) *egress.Door {
	d := egress.New(egress.Options{})
	t.Cleanup(d.Close)
	return d
}

func newExecutor(t testing.TB, g abi.Guest, m *abi.Manifest, change ...func(*Options)) *Executor {
	t.Helper()
	opts := Options{Door: door(t), HostVersion: "test"}
	for _, c := range change {
		c(&opts)
	}
	e, err := New(g, m, m.Provides.Providers[0], opts)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func lit(s string) []abi.Part { return []abi.Part{{Which: abi.PartIsLiteral, Literal: s}} }

func ref(name string) abi.Part {
	return abi.Part{Which: abi.PartIsSecret, Secret: &abi.SecretRef{Which: abi.SecretRefIsCredential, Credential: name}}
}

func segments(names ...string) []abi.Value {
	var out []abi.Value
	for _, n := range names {
		out = append(out, abi.Value{Parts: lit(n)})
	}
	return out
}

// chat is the request of an OpenAI-compatible provider.
func chat() *abi.Request {
	return &abi.Request{
		Method:  "POST",
		URL:     &abi.Url{Base: "base_url", Segments: segments("chat", "completions")},
		Headers: []abi.NamedValue{{Name: "authorization", Parts: append(lit("Bearer "), ref("api_key"))}},
		Body:    []abi.BodyPart{{Which: abi.BodyPartIsClientBody, ClientBody: &abi.ClientBody{}}},
	}
}

func send(s abi.Send) []abi.Action {
	if s.Request == nil {
		s.Request = chat()
	}
	return []abi.Action{{Which: abi.ActionIsSend, Send: &s}}
}

func fail(f abi.Fail) abi.Action { return abi.Action{Which: abi.ActionIsFail, Fail: &f} }

func chunk(payloads ...string) abi.Action {
	c := &abi.Chunks{}
	for _, p := range payloads {
		c.Payloads = append(c.Payloads, []byte(p))
	}
	return abi.Action{Which: abi.ActionIsChunks, Chunks: c}
}

var (
	wait = abi.Action{Which: abi.ActionIsWait, Wait: &abi.Wait{}}
	end  = abi.Action{Which: abi.ActionIsEnd, End: &abi.End{}}
	pass = abi.Action{Which: abi.ActionIsPass, Pass: &abi.Pass{}}
)

func reply(body string) abi.Action {
	return abi.Action{Which: abi.ActionIsReply, Reply: &abi.Reply{Body: []byte(body)}}
}

// always answers every call in the same way.
func always(actions ...abi.Action) *fakeGuest {
	return &fakeGuest{answer: func(int, call) []abi.Action { return actions }}
}

func request() executor.Request {
	return executor.Request{Model: "m-1", Format: "openai-chat", Payload: []byte(`{"model":"m-1","stream":true,"messages":[]}`)}
}

// readStream pulls a stream to its end and returns its bytes.
func readStream(t testing.TB, s executor.Stream) (string, error) {
	t.Helper()
	defer s.Close()
	var out []byte
	for {
		p, err := s.Next()
		out = append(out, p...)
		if errors.Is(err, io.EOF) {
			return string(out), nil
		}
		if err != nil {
			return string(out), err
		}
	}
}

func upstreamError(t testing.TB, err error) *executor.UpstreamError {
	t.Helper()
	var u *executor.UpstreamError
	if !errors.As(err, &u) {
		t.Fatalf("error is %T (%v), want *executor.UpstreamError", err, err)
	}
	return u
}
