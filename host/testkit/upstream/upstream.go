// Package upstream is a scripted provider on a real TCP port: it speaks
// OpenAI's chat API, answers each API key as the test says, and remembers what
// arrived.
package upstream

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Request is what arrived.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         []byte
	// Gone is closed when the connection's client went away or the answer
	// ended.
	Gone <-chan struct{}
}

// Key returns the bearer token.
func (r *Request) Key() string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// Answer writes an answer to a chat completion.
type Answer func(w http.ResponseWriter, r *Request)

// Server is a scripted upstream. It is safe for concurrent use.
type Server struct {
	http *httptest.Server

	// mu guards all below.
	mu       sync.Mutex
	models   []string
	answers  map[string]Answer
	fallback Answer
	requests []*Request
	changed  chan struct{}
}

// New starts a server that lists models and answers nothing else yet. The test
// closes it.
func New(t testing.TB, models ...string) *Server {
	t.Helper()
	s := &Server{models: models, answers: map[string]Answer{}, fallback: Error(http.StatusUnauthorized, "invalid_api_key", "unknown key"), changed: make(chan struct{})}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

// Close ends the server and waits for its answers.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// BaseURL is what an operator sets as base_url.
func (s *Server) BaseURL() string { return s.http.URL + "/v1" }

// On sets the answer for an API key.
func (s *Server) On(key string, a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[key] = a
}

// Requests returns the chat completions that arrived so far.
func (s *Server) Requests() []*Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Request(nil), s.requests...)
}

// Await returns the n-th chat completion, the first being 1, and fails the
// test when it does not come within ten seconds.
func (s *Server) Await(t testing.TB, n int) *Request {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		s.mu.Lock()
		changed := s.changed
		if len(s.requests) >= n {
			defer s.mu.Unlock()
			return s.requests[n-1]
		}
		s.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("request %d did not arrive at the upstream", n)
		}
	}
}

func (s *Server) serve(w http.ResponseWriter, hr *http.Request) {
	if hr.URL.Path == "/v1/models" {
		s.list(w)
		return
	}
	body, err := io.ReadAll(hr.Body)
	if err != nil {
		return
	}
	r := &Request{Method: hr.Method, Path: hr.URL.Path, Header: hr.Header.Clone(), Body: body, Gone: hr.Context().Done()}
	s.mu.Lock()
	answer := s.answers[r.Key()]
	if answer == nil {
		answer = s.fallback
	}
	s.requests = append(s.requests, r)
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	if r.Path != "/v1/chat/completions" {
		http.NotFound(w, hr)
		return
	}
	answer(w, r)
}

func (s *Server) list(w http.ResponseWriter) {
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Created int64  `json:"created"`
		OwnedBy string `json:"owned_by"`
	}
	list := struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
	}{Object: "list"}
	s.mu.Lock()
	for _, m := range s.models {
		list.Data = append(list.Data, model{m, "model", 1700000000, "upstream"})
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(list); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// JSON answers with a body as it stands.
func JSON(status int, body string) Answer {
	return func(w http.ResponseWriter, _ *Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// Error answers in OpenAI's error shape.
func Error(status int, code, message string) Answer {
	return JSON(status, fmt.Sprintf(`{"error":{"message":%q,"type":"error","param":null,"code":%q}}`, message, code))
}

// Header sets a header on another answer.
func Header(name, value string, a Answer) Answer {
	return func(w http.ResponseWriter, r *Request) {
		w.Header().Set(name, value)
		a(w, r)
	}
}

// Completion answers a chat completion that does not stream.
func Completion(text string) Answer {
	content, err := json.Marshal(text)
	if err != nil { // a string always marshals
		panic(err)
	}
	return JSON(http.StatusOK, fmt.Sprintf(`{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"small","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`, content))
}

// Chunk is one event of a streamed completion with some text.
func Chunk(text string) string {
	content, err := json.Marshal(text)
	if err != nil { // a string always marshals
		panic(err)
	}
	return fmt.Sprintf("data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"small\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%s},\"finish_reason\":null}]}\n\n", content)
}

// Done ends a streamed completion.
const Done = "data: [DONE]\n\n"

// Stream answers with pieces of a stream as they stand, each flushed, and
// waits between them for what next gives, or not at all when it is nil. It
// stops when the client leaves.
func Stream(next <-chan struct{}, pieces ...string) Answer {
	return func(w http.ResponseWriter, r *Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i, p := range pieces {
			if i > 0 && next != nil {
				select {
				case <-next:
				case <-r.Gone:
					return
				}
			}
			if _, err := io.WriteString(w, p); err != nil {
				return
			}
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			}
		}
	}
}
