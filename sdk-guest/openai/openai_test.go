package openai_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/sdk-guest/jsonspan"
	"github.com/patchbay-dev/patchbay/sdk-guest/openai"
)

var head = openai.Head{ID: `id"1`, Model: "small", Created: 1700000000}

const start = `{"id":"id\"1","object":"chat.completion.chunk","created":1700000000,"model":"small","choices":`

func TestPayloads(t *testing.T) {
	u := abi.Usage{InputTokens: 3, OutputTokens: 4}
	for name, c := range map[string]struct{ got, want string }{
		"role":    {string(head.AppendRole(nil)), start + `[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`},
		"text":    {string(head.AppendText(nil, "a\n\"b\"")), start + `[{"index":0,"delta":{"content":"a\n\"b\""},"finish_reason":null}]}`},
		"content": {string(head.AppendContent(nil, jsonspan.Value(`"\u00fc"`))), start + `[{"index":0,"delta":{"content":"\u00fc"},"finish_reason":null}]}`},
		"no text": {string(head.AppendContent(nil, nil)), start + `[{"index":0,"delta":{"content":""},"finish_reason":null}]}`},
		"number":  {string(head.AppendContent(nil, jsonspan.Value(`1`))), start + `[{"index":0,"delta":{"content":""},"finish_reason":null}]}`},
		"delta":   {string(head.AppendDelta(nil, jsonspan.Value(`{"x":1}`))), start + `[{"index":0,"delta":{"x":1},"finish_reason":null}]}`},
		"finish":  {string(head.AppendFinish(nil, "stop")), start + `[{"index":0,"delta":{},"finish_reason":"stop"}]}`},
		"usage":   {string(head.AppendUsage(nil, u)), start + `[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`},
		"total":   {string(head.AppendUsage(nil, abi.Usage{TotalTokens: 9})), start + `[],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":9}}`},
		"behind":  {string(head.AppendFinish([]byte("x"), "length")), "x" + start + `[{"index":0,"delta":{},"finish_reason":"length"}]}`},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if name != "behind" && !json.Valid([]byte(c.got)) {
			t.Errorf("%s is not JSON: %s", name, c.got)
		}
	}
	const whole = `{"id":"id\"1","object":"chat.completion","created":1700000000,"model":"small","choices":[{"index":0,` +
		`"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`
	if diff := cmp.Diff(whole, string(head.AppendCompletion(nil, "hi", "stop", u))); diff != "" {
		t.Error(diff)
	}
}

func TestTheLastUserMessageIsRead(t *testing.T) {
	for body, want := range map[string]string{
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`:                          "a",
		`{"messages":[{"role":"user","content":"a"},{"content":"c","role":"user"}]}`:                               "c",
		`{"messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"file","text":"y"},{"z":1}]}]}`: "x",
		`{"messages":[{"role":"user"}]}`: "",
	} {
		if got, ok := openai.LastUserText([]byte(body)); got != want || !ok {
			t.Errorf("%s: %q, %v, want %q", body, got, ok, want)
		}
	}
	for _, body := range []string{``, `{}`, `{"messages":[{"role":"system","content":"a"}]}`, `{"messages":"user"}`, `[`} {
		if got, ok := openai.LastUserText([]byte(body)); ok {
			t.Errorf("%s: %q", body, got)
		}
	}
}

func TestWantsUsage(t *testing.T) {
	for body, want := range map[string]bool{
		`{"stream_options":{"include_usage":true}}`: true, `{"stream_options":{"include_usage":false}}`: false,
		`{"stream_options":null}`: false, ``: false,
	} {
		if got := openai.WantsUsage([]byte(body)); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}
