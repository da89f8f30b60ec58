package wire

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		in   APIError
		want string
	}{
		{APIError{Status: 401}, `{"error":{"message":"Unauthorized","type":"authentication_error","param":null,"code":null}}`},
		{APIError{Status: 404, Code: "model_not_found", Message: "no \"x\"", Param: "model", RequestID: "r1"},
			`{"error":{"message":"no \"x\"","type":"invalid_request_error","param":"model","code":"model_not_found","request_id":"r1"}}`},
		{APIError{Status: 429, Type: "tokens", Message: "m"}, `{"error":{"message":"m","type":"tokens","param":null,"code":null}}`},
		{APIError{Status: 403, Message: "m"}, `{"error":{"message":"m","type":"permission_error","param":null,"code":null}}`},
		{APIError{Status: 502, Message: "m"}, `{"error":{"message":"m","type":"server_error","param":null,"code":null}}`},
		{APIError{Status: 429, Message: "m"}, `{"error":{"message":"m","type":"rate_limit_error","param":null,"code":null}}`},
	} {
		if got := string(ErrorBody(OpenAIChat, c.in)); got != c.want {
			t.Errorf("body %s, want %s", got, c.want)
		}
		if got := string(ErrorEvent(OpenAIChat, c.in)); got != "data: "+c.want+"\n\n" {
			t.Errorf("event %s", got)
		}
	}
}

func TestStreamParts(t *testing.T) {
	got := AppendEvent(nil, OpenAIChat, []byte(`{"a":1}`))
	got = append(got, StreamDone(OpenAIChat)...)
	if want := "data: {\"a\":1}\n\ndata: [DONE]\n\n"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !Known(OpenAIChat) || Known("nope") || HasModel("nope") || ContentType(OpenAIChat) != ContentTypeJSON || StreamContentType(OpenAIChat) != ContentTypeSSE {
		t.Error("the registry is wrong")
	}
}

func TestApply(t *testing.T) {
	const body = `{"a":1,"b":{"c":[1,2]}, "d" : "x"}`
	for _, c := range []struct {
		change Change
		want   string // empty when it is refused
	}{
		{Change{Path: "a", Set: []byte(`{"n":null}`)}, `{"a":{"n":null},"b":{"c":[1,2]}, "d" : "x"}`},
		{Change{Path: "b.c.-1", Set: []byte(`3`)}, `{"a":1,"b":{"c":[1,2,3]}, "d" : "x"}`},
		{Change{Path: "b.c", Delete: true}, `{"a":1,"b":{}, "d" : "x"}`},
		{Change{Path: "nope", Delete: true}, body},
		{Change{Path: "", Set: []byte(`1`)}, ""},
		{Change{Path: "a", Set: []byte(`1,"model":"x"`)}, ""},
		{Change{Path: "a", Set: nil}, ""},
		{Change{Path: "b.c.4", Set: []byte(`5`)}, `{"a":1,"b":{"c":[1,2,null,null,5]}, "d" : "x"}`},
		{Change{Path: "b.c.99999", Set: []byte(`5`)}, ""},
		{Change{Path: "b.*", Set: []byte(`1`)}, ""},
		{Change{Path: "b.#(x)", Delete: true}, ""},
	} {
		in := []byte(body)
		got, err := Apply(in, []Change{c.change})
		if (err != nil) != (c.want == "") || string(got) != c.want || string(in) != body {
			t.Errorf("%+v: %s, %v; want %s", c.change, got, err, c.want)
		}
	}
}

func TestTooManyChanges(t *testing.T) {
	if _, err := Apply([]byte(`{}`), make([]Change, MaxChanges+1)); err == nil {
		t.Error("they were made")
	}
}

// FuzzApply holds that no path and no value of a guest makes a body that is no
// JSON, or ends the process.
func FuzzApply(f *testing.F) {
	for _, path := range []string{"a", "b.c.-1", "b.c.7", "b.9999", `a\.b`, ":1", "a..b", ".", "b.*", "\xff"} {
		f.Add([]byte(`{"a":1,"b":{"c":[1,2]}}`), path, []byte(`{"x":1}`), false)
		f.Add([]byte(`{"a":1,"b":{"c":[1,2]}}`), path, []byte(nil), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, path string, set []byte, del bool) {
		if _, err := Probe(OpenAIChat, body); err != nil && scanError(body) != nil || len(path) > 64 {
			return
		}
		before := string(body)
		out, err := Apply(body, []Change{{Path: path, Set: set, Delete: del}})
		if string(body) != before {
			t.Fatalf("the body was changed by %q", path)
		}
		if err == nil && !json.Valid(out) {
			t.Fatalf("%q at %q made %q of %q", set, path, out, body)
		}
	})
}

func TestUsage(t *testing.T) {
	for payload, want := range map[string]Usage{
		`{"usage":{"prompt_tokens":9,"completion_tokens":5,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}`: {Input: 9, Output: 5, CachedInput: 4, Reasoning: 2, Total: 14},
		`{"usage":{"prompt_tokens":9,"completion_tokens":5}}`:                  {Input: 9, Output: 5, Total: 14},
		`{"usage":{"prompt_tokens":-9,"completion_tokens":5}}`:                 {Output: 5, Total: 5, Suspect: true},
		`{"usage":{"prompt_tokens":1e300,"completion_tokens":1}}`:              {Input: maxTokens, Output: 1, Total: maxTokens + 1, Suspect: true},
		`{"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":1}}`: {Input: 1, Output: 1, Total: 1, Suspect: true},
	} {
		if got, ok := UsageOf(OpenAIChat, []byte(payload)); !ok || got != want {
			t.Errorf("%s: %+v, want %+v", payload, got, want)
		}
	}
	for _, payload := range []string{`{}`, `{"usage":null}`, `no`, ``} {
		if got, ok := UsageOf(OpenAIChat, []byte(payload)); ok {
			t.Errorf("%q: %+v", payload, got)
		}
	}
}

func TestErrorFacts(t *testing.T) {
	now := time.Unix(1_900_000_000, 0)
	for _, c := range []struct {
		body string
		want ErrorFacts
	}{
		{`{"error":{"message":"m","type":"t","param":null,"code":"c"}}`, ErrorFacts{Message: "m", Type: "t", Code: "c"}},
		{`{"type":"error","error":{"type":"overloaded_error","message":"m"}}`, ErrorFacts{Message: "m", Type: "overloaded_error"}},
		{`{"error":"text"}`, ErrorFacts{Message: "text"}},
		{`{"message":"m","code":"1300","type":"x"}`, ErrorFacts{Message: "m", Type: "x", Code: "1300"}},
		{`{"detail":"m"}`, ErrorFacts{Message: "m"}},
		{`{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"m","details":[{"@type":"type.googleapis.com/google.rpc.Help"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}`,
			ErrorFacts{Message: "m", Type: "RESOURCE_EXHAUSTED", Code: "429", Retry: 34 * time.Second}},
		{`[{"error":{"code":429,"status":"S","message":"m"}}]`, ErrorFacts{Message: "m", Type: "S", Code: "429"}},
		{`{"error":{"message":"Rate limit reached. Please try again in 5.289s. Visit"}}`, ErrorFacts{Message: "Rate limit reached. Please try again in 5.289s. Visit", Retry: 5289 * time.Millisecond}},
		{`{"error":{"message":"try again in 1m2.5s"}}`, ErrorFacts{Message: "try again in 1m2.5s", Retry: 62500 * time.Millisecond}},
		{`{"error":{"message":"Please retry after 20 seconds"}}`, ErrorFacts{Message: "Please retry after 20 seconds", Retry: 20 * time.Second}},
		{`{"error":{"message":"m","type":"usage_limit_reached","resets_in_seconds":90}}`, ErrorFacts{Message: "m", Type: "usage_limit_reached", Retry: 90 * time.Second}},
		{`{"error":{"message":"m","resets_at":1900000060}}`, ErrorFacts{Message: "m", Retry: time.Minute}},
		{`{"error":{"message":"m","resets_at":1800000000}}`, ErrorFacts{Message: "m"}},
		{`<html>`, ErrorFacts{}},
		{``, ErrorFacts{}},
		{`[]`, ErrorFacts{}},
		{`"x"`, ErrorFacts{}},
	} {
		if diff := cmp.Diff(c.want, ErrorFactsOf([]byte(c.body), now)); diff != "" {
			t.Errorf("%s: %s", c.body, diff)
		}
	}
}

func FuzzErrorFacts(f *testing.F) {
	for _, body := range []string{
		`{"error":{"message":"try again in 5s"}}`, `{"error":{"details":[{"retryDelay":"1h"}],"resets_in_seconds":1e308}}`, `[{"error":"x"}]`,
		`{"error":{"message":"try again in 9999999999999h"}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if got := ErrorFactsOf(body, time.Unix(1_900_000_000, 0)); got.Retry < 0 {
			t.Fatalf("%q: a hint of %v", body, got.Retry)
		}
	})
}
