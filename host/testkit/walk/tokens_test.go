package walk_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/testkit/walk"
)

// TestWalk13Count walks a provider that has no route to count tokens.
func TestWalk13Count(t *testing.T) {
	w := walk.New(t)
	w.Serve(walk.Load(t, at("tokens"), nil))
	w.Credential(keyed("a", "tokens"))
	got, err := w.Manager.ExecuteCount(t.Context(), []string{"tokens"},
		executor.Request{Model: "m", Payload: []byte(`{"messages":[{"role":"user","content":"one two three"}]}`)}, executor.Options{})
	if err != nil || string(got.Payload) != `{"input_tokens":3}` {
		t.Errorf("the count is %q, %v", got.Payload, err)
	}
	if n := len(w.Arrived()); n != 0 {
		t.Errorf("%d requests left", n)
	}
}

// TestWalk13HTTPRequest walks a program that makes its own request and wants the
// credential on it.
func TestWalk13HTTPRequest(t *testing.T) {
	w := walk.New(t)
	w.Serve(walk.Load(t, at("tokens"), nil))
	w.Host("api.example.com", func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, r.Header.Get("Authorization")) })
	w.Credential(keyed("a", "tokens"))
	a, _ := w.Manager.GetByID("a")
	ask := func(url string) (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("body of its own"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := w.Manager.HttpRequest(t.Context(), a, req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return string(text), err
	}
	if got, err := ask("https://api.example.com/v1/files?purpose=batch"); err != nil || got != "Bearer sk-a" {
		t.Errorf("the answer is %q, %v", got, err)
	}
	if all := w.Arrived(); len(all) != 1 || all[0].URI != "/v1/files?purpose=batch" || all[0].Body != "body of its own" {
		t.Errorf("arrived %+v", all)
	}
	if _, err := ask("https://elsewhere.example.org/v1/files"); err == nil || !strings.Contains(err.Error(), "destination") {
		t.Errorf("a request to another host gives %v", err)
	}
	if n := len(w.Arrived()); n != 1 {
		t.Errorf("%d requests left", n)
	}
}
