package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/patchbay-dev/patchbay/host/testkit/upstream"
)

// The line that everything hangs on: an unmodified OpenAI SDK, through the
// gateway, the manager, the sandboxed provider and the one door out, to an
// upstream on a real port and back.

func served(t *testing.T) (*node, *upstream.Server, openai.Client) {
	t.Helper()
	plugin, _ := examples(t)
	up := upstream.New(t, "small", "large")
	n := start(t, t.TempDir())
	n.install("openai-compatible.wasm", plugin)
	n.add("a", up.BaseURL(), "sk-upstream-a")
	return n, up, n.client(n.key())
}

func TestOpenAIAnswers(t *testing.T) {
	n, up, c := served(t)

	t.Run("whole", func(t *testing.T) {
		up.On("sk-upstream-a", upstream.Completion("hello"))
		got, err := c.Chat.Completions.New(t.Context(), chat("small", "hi"))
		if err != nil {
			t.Fatal(err)
		}
		if got.Choices[0].Message.Content != "hello" || got.Usage.TotalTokens != 5 {
			t.Errorf("got %s", got.RawJSON())
		}
	})
	t.Run("streamed", func(t *testing.T) {
		up.On("sk-upstream-a", upstream.Stream(nil, upstream.Chunk("one "), upstream.Chunk("two"), upstream.Done))
		got, err := streamed(t, c, chat("small", "hi"))
		if err != nil || got != "one two" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("tool call", func(t *testing.T) {
		up.On("sk-upstream-a", upstream.JSON(http.StatusOK, `{"id":"x","object":"chat.completion","created":1,"model":"small","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Zürich\"}"}}]},"finish_reason":"tool_calls"}]}`))
		p := chat("small", "weather in Zürich?")
		p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
			Name: "weather", Parameters: openai.FunctionParameters{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}},
		})}
		got, err := c.Chat.Completions.New(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		call := got.Choices[0].Message.ToolCalls[0]
		if call.Function.Name != "weather" || call.Function.Arguments != `{"city":"Zürich"}` {
			t.Errorf("got %s", got.RawJSON())
		}
		sent := up.Requests()
		if body := string(sent[len(sent)-1].Body); !strings.Contains(body, `"tools":[{`) {
			t.Errorf("the tools did not arrive: %s", body)
		}
	})
	t.Run("an emoji cut between reads", func(t *testing.T) {
		whole := upstream.Chunk("a 🙂 b")
		cut := strings.Index(whole, "🙂") + 2
		next := make(chan struct{}, 1)
		next <- struct{}{}
		up.On("sk-upstream-a", upstream.Stream(next, whole[:cut], whole[cut:]+upstream.Done))
		if got, err := streamed(t, c, chat("small", "hi")); err != nil || got != "a 🙂 b" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("a prompt of 1 MB", func(t *testing.T) {
		up.On("sk-upstream-a", upstream.Completion("read"))
		prompt := strings.Repeat("0123456789abcdef", 1<<16)
		before := len(up.Requests())
		if _, err := c.Chat.Completions.New(t.Context(), chat("large", prompt)); err != nil {
			t.Fatal(err)
		}
		if r := up.Await(t, before+1); !strings.Contains(string(r.Body), prompt) || !strings.Contains(string(r.Body), `"large"`) {
			t.Errorf("%d bytes arrived, not the prompt", len(r.Body))
		}
	})
	t.Run("models", func(t *testing.T) {
		page, err := c.Models.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, m := range page.Data {
			ids = append(ids, m.ID)
		}
		if fmt.Sprint(ids) != "[large small]" {
			t.Errorf("models %v", ids)
		}
		if m, err := c.Models.Get(t.Context(), "small"); err != nil || m.ID != "small" || m.OwnedBy != "upstream" {
			t.Errorf("model %+v, %v", m, err)
		}
	})
	t.Run("the client's key and headers stay here", func(t *testing.T) {
		for _, r := range up.Requests() {
			if got := r.Header.Get("Authorization"); got != "Bearer sk-upstream-a" {
				t.Errorf("Authorization %q arrived", got)
			}
			if h := r.Header.Get("X-Stainless-Lang"); h != "" {
				t.Errorf("a header of the client's SDK arrived: %q", h)
			}
		}
	})
	if log := n.log.String(); strings.Contains(log, "sk-upstream-a") || strings.Contains(log, "pb_") {
		t.Errorf("a secret is in the log:\n%s", log)
	}
}

func TestOpenAIErrors(t *testing.T) {
	n, up, c := served(t)

	t.Run("wrong key", func(t *testing.T) {
		stranger := n.client("pb_wrong")
		_, err := stranger.Chat.Completions.New(t.Context(), chat("small", "hi"))
		if e := apiError(t, err); e.StatusCode != http.StatusUnauthorized || e.Code != "invalid_api_key" {
			t.Errorf("%d %q: %s", e.StatusCode, e.Code, e.RawJSON())
		}
	})
	t.Run("unknown model", func(t *testing.T) {
		_, err := c.Chat.Completions.New(t.Context(), chat("nonesuch", "hi"))
		if e := apiError(t, err); e.StatusCode != http.StatusNotFound || e.Code != "model_not_found" {
			t.Errorf("%d %q: %s", e.StatusCode, e.Code, e.RawJSON())
		}
	})
	t.Run("a request at fault comes back as the provider said it", func(t *testing.T) {
		up.On("sk-upstream-a", upstream.Error(http.StatusBadRequest, "context_length_exceeded", "too long"))
		_, err := c.Chat.Completions.New(t.Context(), chat("small", "hi"))
		if e := apiError(t, err); e.StatusCode != http.StatusBadRequest || e.Code != "context_length_exceeded" || e.Message != "too long" {
			t.Errorf("%d %q: %s", e.StatusCode, e.Code, e.RawJSON())
		}
	})
	t.Run("a stream that breaks", func(t *testing.T) {
		up.On("sk-upstream-a", func(w http.ResponseWriter, r *upstream.Request) {
			upstream.Stream(nil, upstream.Chunk("one"))(w, r)
			panic(http.ErrAbortHandler)
		})
		got, err := streamed(t, c, chat("large", "hi"))
		if got != "one" || err == nil {
			t.Errorf("got %q, %v; want the text, then an error", got, err)
		}
	})
}

func TestQuotas(t *testing.T) {
	n, up, c := served(t)
	limited := upstream.Header("Retry-After", "7", upstream.Error(http.StatusTooManyRequests, "rate_limit_exceeded", "slow down"))

	t.Run("429 on one key is answered by the second", func(t *testing.T) {
		n.add("b", up.BaseURL(), "sk-upstream-b")
		up.On("sk-upstream-a", limited)
		up.On("sk-upstream-b", upstream.Completion("from b"))
		for range 4 {
			got, err := c.Chat.Completions.New(t.Context(), chat("small", "hi"))
			if err != nil || got.Choices[0].Message.Content != "from b" {
				t.Fatalf("got %+v, %v", got, err)
			}
		}
		asked := 0
		for _, r := range up.Requests() {
			if r.Key() == "sk-upstream-a" {
				asked++
			}
		}
		if asked > 1 {
			t.Errorf("the limited key was asked %d times, want at most once", asked)
		}
	})
	t.Run("both limited", func(t *testing.T) {
		up.On("sk-upstream-b", upstream.Header("Retry-After", "40", upstream.Error(http.StatusTooManyRequests, "rate_limit_exceeded", "slow down")))
		up.On("sk-upstream-a", upstream.Header("Retry-After", "60", upstream.Error(http.StatusTooManyRequests, "rate_limit_exceeded", "slow down")))
		for i := range 2 {
			_, err := c.Chat.Completions.New(t.Context(), chat("large", "hi"))
			e := apiError(t, err)
			if e.StatusCode != http.StatusTooManyRequests {
				t.Fatalf("try %d: %d: %s", i, e.StatusCode, e.RawJSON())
			}
			if after := e.Response.Header.Get("Retry-After"); after == "" || after == "0" {
				t.Errorf("try %d: Retry-After %q", i, after)
			}
		}
	})
}

func TestClientLeaves(t *testing.T) {
	_, up, c := served(t)
	up.On("sk-upstream-a", upstream.Stream(make(chan struct{}), upstream.Chunk("one"), upstream.Chunk("never")))
	ctx, cancel := context.WithCancel(t.Context())
	s := c.Chat.Completions.NewStreaming(ctx, chat("small", "hi"))
	defer s.Close()
	if !s.Next() {
		t.Fatal(s.Err())
	}
	r := up.Await(t, 1)
	cancel()
	select {
	case <-r.Gone:
	case <-time.After(time.Second):
		t.Fatal("the upstream was still busy a second after the client had left")
	}
	up.On("sk-upstream-a", upstream.Completion("still fine"))
	if _, err := c.Chat.Completions.New(t.Context(), chat("small", "hi")); err != nil {
		t.Errorf("a client that leaves must not cost the credential: %v", err)
	}
}

func TestFiftyStreamsAtOnce(t *testing.T) {
	_, up, c := served(t)
	next := make(chan struct{})
	up.On("sk-upstream-a", upstream.Stream(next, upstream.Chunk("one "), upstream.Chunk("two"), upstream.Done))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if got, err := streamed(t, c, chat("small", "hi")); err != nil || got != "one two" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	up.Await(t, 50) // all are open at the same time
	close(next)
	wg.Wait()
}

func TestRestartKeepsCredentials(t *testing.T) {
	plugin, _ := examples(t)
	up := upstream.New(t, "small")
	up.On("sk-upstream-a", upstream.Completion("still here"))
	dir := t.TempDir()
	n := start(t, dir)
	n.install("openai-compatible.wasm", plugin)
	added := n.add("a", up.BaseURL(), "sk-upstream-a")
	key := n.key()
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	n = start(t, dir)
	c := n.client(key)
	got, err := c.Chat.Completions.New(t.Context(), chat("small", "hi"))
	if err != nil || got.Choices[0].Message.Content != "still here" {
		t.Fatalf("got %+v, %v", got, err)
	}
	list, err := n.ops.ListAuths(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != added.ID || list[0].Fields["base_url"] != up.BaseURL() {
		t.Errorf("credentials %+v, %v", list, err)
	}
}

func TestInstallWhileStreaming(t *testing.T) {
	n, up, c := served(t)
	_, echo := examples(t)
	next := make(chan struct{})
	up.On("sk-upstream-a", upstream.Stream(next, upstream.Chunk("one "), upstream.Chunk("two"), upstream.Done))
	s := c.Chat.Completions.NewStreaming(t.Context(), chat("small", "hi"))
	defer s.Close()
	if !s.Next() {
		t.Fatal(s.Err())
	}
	n.install("echo.wasm", echo)
	if _, err := n.ops.AddAuth(t.Context(), echoSpec()); err != nil {
		t.Fatal(err)
	}
	if got, err := streamed(t, c, chat("echo", "while the other streams")); err != nil || !strings.Contains(got, "while the other streams") {
		t.Errorf("the new provider: %q, %v", got, err)
	}
	close(next)
	var rest strings.Builder
	for s.Next() {
		for _, choice := range s.Current().Choices {
			rest.WriteString(choice.Delta.Content)
		}
	}
	if s.Err() != nil || rest.String() != "two" {
		t.Errorf("the first stream went on with %q, %v", rest.String(), s.Err())
	}
}

func TestEchoNeedsNoNetwork(t *testing.T) {
	_, echo := examples(t)
	n := start(t, t.TempDir())
	n.install("echo.wasm", echo)
	if _, err := n.ops.AddAuth(t.Context(), echoSpec()); err != nil {
		t.Fatal(err)
	}
	c := n.client(n.key())
	got, err := c.Chat.Completions.New(t.Context(), chat("echo", "say this"), option.WithRequestTimeout(10*time.Second))
	if err != nil || !strings.Contains(got.Choices[0].Message.Content, "say this") {
		t.Fatalf("got %+v, %v", got, err)
	}
	if text, err := streamed(t, c, chat("echo", "and that")); err != nil || !strings.Contains(text, "and that") {
		t.Errorf("got %q, %v", text, err)
	}
}
