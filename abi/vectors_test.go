package abi_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
)

var update = flag.Bool("update", false, "write the golden vectors anew")

// vector is one golden encoding: anyone who writes a codec in another language
// can hold it against the files in vectors/.
type vector struct {
	Name    string          `json:"name"`
	Message string          `json:"message"`
	Binary  string          `json:"binary"` // hex
	JSON    json.RawMessage `json:"json"`
}

// rejected is an encoding that a host must refuse from a guest.
type rejected struct {
	Name    string `json:"name"`
	Message string `json:"message"`
	Binary  string `json:"binary,omitempty"`
	JSON    string `json:"json,omitempty"`
}

func text(s string) abi.Part { return abi.Part{Which: abi.PartIsLiteral, Literal: s} }

func secret(field string) abi.Part {
	return abi.Part{Which: abi.PartIsSecret, Secret: &abi.SecretRef{Which: abi.SecretRefIsCredential, Credential: field}}
}

func ptr[T any](v T) *T { return &v }

func list(state []byte, actions ...abi.Action) *abi.ActionList {
	return &abi.ActionList{Actions: actions, State: state}
}

var golden = []struct {
	name, message string
	value         abi.JSONMessage
}{
	{"empty", "ActionList", list(nil)},
	{"init", "InitInput", &abi.InitInput{
		HostVersion: "1.2.3", ABI: 1, Features: []string{"edits"},
		Limits: &abi.Limits{OutputBytes: 34603008, StateBytes: 16384, WholeBytes: 33554432, CallMS: 2000, Steps: 1000},
		Config: []byte(`{"region":"eu","key":{"$secret":"key"}}`),
	}},
	{"execute", "ExecuteInput", &abi.ExecuteInput{
		Attempt: &abi.Attempt{
			ID: "a1", Kind: abi.KindStream, Provider: "openai-compatible", Model: "small", RequestedModel: "team/small", Format: "openai-chat", DeadlineMS: 60000, StartedMS: 1893553445000,
			Credential: &abi.Credential{
				ID: "c3f1", Label: "work", Revision: 7,
				Fields: []abi.Pair{{Name: "base_url", Value: "https://api.example.com/v1"}}, Secrets: []string{"api_key"},
			},
		},
		Body:    &abi.BodyHandle{Size: 1234},
		Headers: []abi.Pair{{Name: "X-Trace", Value: "é漢🙂"}},
	}},
	{"execute-with-empty-body", "ExecuteInput", &abi.ExecuteInput{Body: &abi.BodyHandle{Bytes: []byte{}}}},
	{"events", "EventsInput", &abi.EventsInput{
		Op: abi.OpExecute, Step: "map", State: []byte{0, 1, 255}, EOF: abi.EOFClean,
		Events: []abi.Event{{Name: "delta", Data: []byte(`{"t":"hi"}`), ID: "9"}, {Data: []byte("[DONE]")}},
	}},
	{"resume-response", "ResumeInput", &abi.ResumeInput{
		Op: abi.OpModels, Step: "list", Which: abi.ResumeInputIsResponse,
		Response: &abi.Response{Status: 200, Headers: []abi.Pair{{Name: "Content-Type", Value: "application/json"}}, Body: []byte(`{"data":[]}`)},
	}},
	{"resume-slept", "ResumeInput", &abi.ResumeInput{Op: abi.OpExecute, Which: abi.ResumeInputIsSleptMS, SleptMS: 18446744073709551615}},
	{"classify", "ClassifyInput", &abi.ClassifyInput{Op: abi.OpExecute, Response: &abi.Response{Status: 529, Body: []byte("overloaded"), Truncated: true}}},
	{"models-input", "ModelsInput", &abi.ModelsInput{Provider: "echo", Credential: &abi.Credential{ID: "x", ExpiresAtMS: -1, ToolPrefixDisabled: true}}},
	{"send-pass", "ActionList", list(nil, abi.Action{Which: abi.ActionIsSend, Send: &abi.Send{
		Deliver: abi.DeliverPass, OnError: abi.OnErrorClassify, IdleMS: 300000,
		Request: &abi.Request{
			Method: "POST",
			URL: &abi.Url{Base: "base_url", Segments: []abi.Value{{Parts: []abi.Part{text("chat")}}, {Parts: []abi.Part{text("completions")}}},
				Query: []abi.NamedValue{{Name: "v", Parts: []abi.Part{text("1")}}}},
			Headers: []abi.NamedValue{{Name: "Authorization", Parts: []abi.Part{text("Bearer "), secret("api_key")}}},
			Body: []abi.BodyPart{{Which: abi.BodyPartIsClientBody, ClientBody: &abi.ClientBody{Edits: []abi.Edit{
				{Path: "stream_options.include_usage", Which: abi.EditIsSet, Set: []byte("true")},
				{Path: "user", Which: abi.EditIsDelete, Delete: true},
			}}}},
		},
	}})},
	{"chunks-wait", "ActionList", list([]byte("s"), abi.Action{Which: abi.ActionIsChunks, Chunks: &abi.Chunks{Payloads: [][]byte{[]byte(`{"a":1}`), {}}}},
		abi.Action{Which: abi.ActionIsWait, Wait: &abi.Wait{}})},
	{"reply", "ActionList", list([]byte{}, abi.Action{Which: abi.ActionIsUsage, Usage: &abi.Usage{InputTokens: 3, OutputTokens: 5, TotalTokens: 8}},
		abi.Action{Which: abi.ActionIsHint, Hint: &abi.Hint{Window: "requests", Remaining: ptr(int64(0)), ResetAtMS: 1893553445000}},
		abi.Action{Which: abi.ActionIsReply, Reply: &abi.Reply{Body: []byte(`{"ok":true}`)}})},
	{"sleep", "ActionList", list(nil, abi.Action{Which: abi.ActionIsSleep, Sleep: &abi.Sleep{MS: 250, Step: "poll"}})},
	{"fail", "ActionList", list(nil, abi.Action{Which: abi.ActionIsFail, Fail: &abi.Fail{
		Code: "rate_limited", Message: "slow \"down\"\n", HTTPStatus: 429, Retryable: true, RetryAfterMS: 1500, Scope: abi.ScopeQuotaGroup, Committed: true}})},
	{"models", "ActionList", list(nil, abi.Action{Which: abi.ActionIsModels, Models: &abi.Models{Models: []abi.Model{{ID: "small", OwnedBy: "x", Created: 1700000000, ContextTokens: 8192}}}})},
	{"exchange", "ActionList", list(nil, abi.Action{Which: abi.ActionIsSend, Send: &abi.Send{
		Deliver: abi.DeliverExchange,
		Request: &abi.Request{Method: "POST", URL: &abi.Url{Scheme: "https", Host: "auth.example.com", Segments: []abi.Value{{Parts: []abi.Part{text("token")}}}},
			Body: []abi.BodyPart{{Which: abi.BodyPartIsForm, Form: &abi.Form{Values: []abi.NamedValue{{Name: "refresh_token", Parts: []abi.Part{secret("refresh_token")}}}}}}},
		Exchange: &abi.Exchange{Consumes: []string{"refresh_token"}, Extract: []abi.Extract{{Pointer: "/expires_in", Field: "expires_at", Kind: abi.ExtractKindExpiresIn}}},
	}})},
}

var refusals = []rejected{
	{Name: "unknown field", Message: "ActionList", Binary: "7a00"},
	{Name: "oneof without a member", Message: "ActionList", Binary: "0a00"},
	{Name: "two members", Message: "ActionList", Binary: "0a0412001a00"},
	{Name: "state twice", Message: "ActionList", Binary: "12001200"},
	{Name: "enum zero", Message: "ActionList", Binary: "0a042a021000"},
	{Name: "enum unknown", Message: "ActionList", Binary: "0a042a021063"},
	{Name: "string not UTF-8", Message: "ActionList", Binary: "0a056a030a01ff"},
	{Name: "cut short", Message: "ActionList", Binary: "0a0412"},
	{Name: "wrong wire type", Message: "ActionList", Binary: "0801"},
	{Name: "unknown key", Message: "ActionList", JSON: `{"actionz":[]}`},
	{Name: "duplicate key", Message: "ActionList", JSON: `{"state":"","state":""}`},
	{Name: "enum by number", Message: "ActionList", JSON: `{"actions":[{"send":{"deliver":1}}]}`},
	{Name: "enum zero by name", Message: "ActionList", JSON: `{"actions":[{"send":{"deliver":"DELIVER_UNSPECIFIED"}}]}`},
	{Name: "two members in JSON", Message: "ActionList", JSON: `{"actions":[{"wait":{},"end":{}}]}`},
	{Name: "lone surrogate", Message: "ActionList", JSON: `{"actions":[{"unsupported":{"what":"\ud800"}}]}`},
	{Name: "text after the value", Message: "ActionList", JSON: `{} {}`},
}

// TestGoldenVectors: the bytes of the contract do not change by accident.
func TestGoldenVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	var vectors []vector
	readJSON(t, "accept.json", &vectors)
	if len(vectors) != len(golden) {
		t.Fatalf("vectors/accept.json has %d vectors, the test %d: run go test ./abi -update and read the difference", len(vectors), len(golden))
	}
	for i, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			want, err := hex.DecodeString(v.Binary)
			if err != nil {
				t.Fatal(err)
			}
			if got := abi.AppendMessage(nil, golden[i].value); !bytes.Equal(got, want) {
				t.Errorf("binary:\n got %x\nwant %x", got, want)
			}
			if got := abi.AppendJSON(nil, golden[i].value); !bytes.Equal(got, compact(t, v.JSON)) {
				t.Errorf("json:\n got %s\nwant %s", got, v.JSON)
			}
			m := messages[v.Message]()
			if err := abi.DecodeStrict(want, m); err != nil {
				t.Fatal(err)
			}
			if got := abi.AppendMessage(nil, m); !bytes.Equal(got, want) {
				t.Errorf("binary read and written again: %x, want %x", got, want)
			}
			if err := abi.DecodeJSON(v.JSON, m); err != nil {
				t.Fatal(err)
			}
			if got := abi.AppendMessage(nil, m); !bytes.Equal(got, want) {
				t.Errorf("json read and written as binary: %x, want %x", got, want)
			}
		})
	}
}

// TestRejectVectors: what a host must refuse stays refused.
func TestRejectVectors(t *testing.T) {
	var vectors []rejected
	readJSON(t, "reject.json", &vectors)
	if len(vectors) != len(refusals) {
		t.Fatalf("vectors/reject.json has %d vectors, the test %d", len(vectors), len(refusals))
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			m := messages[v.Message]()
			var err error
			if v.JSON != "" {
				err = abi.DecodeJSON([]byte(v.JSON), m)
			} else {
				raw, herr := hex.DecodeString(v.Binary)
				if herr != nil {
					t.Fatal(herr)
				}
				err = abi.DecodeStrict(raw, m)
			}
			if !errors.Is(err, abi.ErrMalformed) {
				t.Errorf("%v, want ErrMalformed", err)
			}
		})
	}
}

func writeVectors(t *testing.T) {
	t.Helper()
	var vectors []vector
	for _, g := range golden {
		vectors = append(vectors, vector{g.name, g.message, hex.EncodeToString(abi.AppendMessage(nil, g.value)), abi.AppendJSON(nil, g.value)})
	}
	for name, v := range map[string]any{"accept.json": vectors, "reject.json": refusals} {
		raw, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("vectors", name), append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func compact(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
