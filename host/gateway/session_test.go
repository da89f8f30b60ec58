package gateway

import (
	"context"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host/executor"
)

// TestSessionOfARequest: a client may name the session that its request belongs
// to, within its own key; what is no id is none.
func TestSessionOfARequest(t *testing.T) {
	b := newBench(t)
	var got any
	b.mgr.execute = func(_ context.Context, _ executor.Request, opts executor.Options) (executor.Response, error) {
		got = opts.Metadata[executor.ExecutionSessionIDKey]
		return executor.Response{Payload: []byte(sampleReply)}, nil
	}
	for header, want := range map[string]any{
		"":                       nil,
		" ":                      nil,
		"one":                    b.id + "/one",
		" one two ":              b.id + "/one two",
		strings.Repeat("x", 256): b.id + "/" + strings.Repeat("x", 256),
		strings.Repeat("x", 257): nil,
		"a\x01b":                 nil,
	} {
		b.do("POST", chatPath, wholeBody, "X-Session-Id", header)
		if got != want {
			t.Errorf("%q: the session is %v, want %v", header, got, want)
		}
	}
}
