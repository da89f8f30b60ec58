package gateway

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/executor"
)

// observed remembers what it was told. The bench calls it from one goroutine.
type observed struct {
	began, streams int
	gaps           []time.Duration
	ended          []Outcome
}

func (o *observed) RequestBegan()                 { o.began++ }
func (o *observed) StreamBegan()                  { o.streams++ }
func (o *observed) StreamEvent(gap time.Duration) { o.gaps = append(o.gaps, gap) }
func (o *observed) RequestEnded(e Outcome)        { o.ended = append(o.ended, e) }

// TestObserver: every request that is no question about health is told once,
// with the model only if this server has it.
func TestObserver(t *testing.T) {
	const tick = time.Second
	for _, c := range []struct {
		name, method, target, body string
		stream                     executor.Stream
		want                       []Outcome
		gaps                       int
	}{
		{name: "whole", method: "POST", target: chatPath, body: wholeBody, want: []Outcome{{Route: chatPath, Model: "small", Status: 200, Attempts: 2}}},
		{name: "streamed", method: "POST", target: chatPath, body: streamBody, stream: newStream(executor.FramingPayload, io.EOF, "1", "2"),
			want: []Outcome{{Route: chatPath, Model: "small", Status: 200, Stream: true, Attempts: 2}}, gaps: 2},
		{name: "a stream that fails first", method: "POST", target: chatPath, body: streamBody, stream: newStream(executor.FramingPayload, errors.New("x")),
			want: []Outcome{{Route: chatPath, Model: "small", Status: 500, Attempts: 2}}},
		{name: "a model that nobody has", method: "POST", target: chatPath, body: `{"model":"made-up"}`, want: []Outcome{{Route: chatPath, Status: 404}}},
		{name: "a path that nobody has", method: "GET", target: "/made/up", want: []Outcome{{Status: 404}}},
		{name: "no path at all", method: "OPTIONS", target: "*", want: []Outcome{{Status: 400}}},
		{name: "health", method: "GET", target: "/healthz"},
		{name: "readiness", method: "GET", target: "/readyz"},
	} {
		t.Run(c.name, func(t *testing.T) {
			told := &observed{}
			now := time.Unix(1700000000, 0)
			b := newBench(t, func(o *Options) {
				o.Observer = told
				o.Now = func() time.Time { now = now.Add(tick); return now }
			})
			b.mgr.execute = func(context.Context, executor.Request, executor.Options) (executor.Response, error) {
				return executor.Response{Payload: []byte(sampleReply)}, nil
			}
			if c.stream != nil {
				b.mgr.open = opening(c.stream)
			}
			b.do(c.method, c.target, c.body)
			if told.began != len(c.want) || len(told.gaps) != c.gaps || told.streams != min(c.gaps, 1) {
				t.Errorf("%d began, %d streams, gaps %v", told.began, told.streams, told.gaps)
			}
			for i, o := range told.ended {
				if o.Total <= 0 || o.FirstByte <= 0 || o.FirstByte > o.Total {
					t.Errorf("first byte after %v of %v", o.FirstByte, o.Total)
				}
				told.ended[i].Total, told.ended[i].FirstByte = 0, 0
			}
			if diff := cmp.Diff(c.want, told.ended); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestObserverOfAPanic: it ends like any other request.
func TestObserverOfAPanic(t *testing.T) {
	told := &observed{}
	b := newBench(t, func(o *Options) { o.Observer = told })
	b.mgr.execute = func(context.Context, executor.Request, executor.Options) (executor.Response, error) { panic("x") }
	b.do("POST", chatPath, wholeBody)
	if told.began != 1 || len(told.ended) != 1 || told.ended[0].Status != 500 {
		t.Errorf("%+v", told)
	}
}
