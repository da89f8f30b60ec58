package walk_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host/testkit/walk"
)

// TestWalk12ErrorInsideASuccess walks a provider that answers 200 and fails
// behind its first event: another credential answers, and the client sees
// nothing of the first.
func TestWalk12ErrorInsideASuccess(t *testing.T) {
	w := walk.New(t)
	w.Serve(walk.Load(t, at("hidden"), nil))
	first := ""
	w.Host("api.example.com", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		key := r.Header.Get("Authorization")
		fmt.Fprintf(rw, "event: created\ndata: {\"by\":%q}\n\n", key)
		rw.(http.Flusher).Flush()
		if first == "" {
			first = key
			fmt.Fprint(rw, "event: error\ndata: {\"type\":\"overloaded_error\"}\n\n")
			return
		}
		fmt.Fprint(rw, "data: {\"text\":\"hi\"}\n\ndata: [DONE]\n\n")
	})
	w.Credential(keyed("a", "hidden"))
	w.Credential(keyed("b", "hidden"))
	got, err := w.Stream("hidden", chat)
	if err != nil {
		t.Fatal(err)
	}
	if first == "" || strings.Contains(got, first) || strings.Count(got, "created") > 0 || strings.Count(got, `{"by":`) != 1 || !strings.Contains(got, "hi") {
		t.Errorf("the client got %q", got)
	}
	if n := len(w.Arrived()); n != 2 {
		t.Errorf("%d requests arrived", n)
	}
}
