package walk_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/testkit/walk"
)

// counted counts the calls of a guest.
type counted struct {
	abi.Guest
	calls atomic.Int64
}

func (c *counted) Call(ctx context.Context, op abi.Op, input, dst []byte) ([]byte, error) {
	c.calls.Add(1)
	return c.Guest.Call(ctx, op, input, dst)
}

// TestWalk06Envelope walks a provider that wraps everything: the host unwraps
// each event, and the guest is called once for the whole stream.
func TestWalk06Envelope(t *testing.T) {
	w := walk.New(t)
	p := walk.Load(t, at("envelope"), nil)
	guest := &counted{Guest: p}
	e, err := driver.New(guest, p.Manifest(), p.Manifest().Provides.Providers[0], driver.Options{Door: w.Door})
	if err != nil {
		t.Fatal(err)
	}
	w.Manager.RegisterExecutor(e)
	w.Host("api.example.com", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		for i := range 50 {
			fmt.Fprintf(rw, "data: {\"trace\":\"t\",\"response\":{\"n\":%d,\"text\":\"a \\u00e9 }\"}}\n\n", i)
		}
		fmt.Fprint(rw, "data: [DONE]\n\n")
	})
	a := keyed("a", "envelope")
	a.Attributes["project"] = `p"1`
	w.Credential(a)
	got, err := w.Stream("envelope", chat)
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for i := range 50 {
		want += fmt.Sprintf("data: {\"n\":%d,\"text\":\"a \\u00e9 }\"}\n\n", i)
	}
	want += "data: [DONE]\n\n"
	if got != want {
		t.Errorf("the stream is %q", got)
	}
	if n := guest.calls.Load(); n != 1 {
		t.Errorf("the guest was called %d times", n)
	}
	all := w.Arrived()
	if len(all) != 1 || all[0].Body != `{"project":"p\"1","request":`+chat+`}` {
		t.Errorf("arrived %+v", all)
	}
}

// TestWalk06WholeAnswer unwraps an answer that is not a stream.
func TestWalk06WholeAnswer(t *testing.T) {
	w := walk.New(t)
	w.Serve(walk.Load(t, at("envelope"), nil))
	w.Host("api.example.com", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprint(rw, `{"trace":"t","response":{"id":"1","choices":[]}}`)
	})
	a := keyed("a", "envelope")
	a.Attributes["project"] = "p"
	w.Credential(a)
	got, err := w.Ask("envelope", `{"model":"m"}`)
	if err != nil || got != `{"id":"1","choices":[]}` {
		t.Errorf("the answer is %q, %v", got, err)
	}
}
