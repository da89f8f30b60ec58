package driver

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// featured is a manifest that requires every feature of the flow.
func featured() *abi.Manifest {
	m := manifest()
	m.Requires = []string{abi.FeatureUnwrap, abi.FeatureInspect, abi.FeatureHold, abi.FeatureBuffers}
	m.Provides.Providers[0].Modes = []string{"execute", "stream", "count"}
	m.Provides.Providers[0].Refresh = true
	return m
}

func ndjson(lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		io.WriteString(w, strings.Join(lines, "\n")+"\n")
	}
}

// TestUnwrap: the member of each event is the client's, byte for byte, and no
// event is given to the guest.
func TestUnwrap(t *testing.T) {
	const hi, bye = `{"x": "h\u0069"}`, `{"x":"😀"}`
	for _, c := range []struct {
		name, want, fails string
		status            int
		handler           http.HandlerFunc
	}{
		{name: "sse", handler: sse("data: {\"id\":1,\"response\":"+hi+"}\n\nda", "ta: {\"ping\":1}\n\n", "data: {\"response\":"+bye+"}\n\n"),
			want: "data: " + hi + "\n\ndata: " + bye + "\n\ndata: [DONE]\n\n"},
		{name: "its own end", handler: sse("data: {\"response\":1}\n\ndata: [DONE]\n\n"), want: "data: 1\n\ndata: [DONE]\n\n"},
		{name: "unclosed", handler: sse("data: {\"response\":1}"), want: "data: 1\n\ndata: [DONE]\n\n"},
		{name: "ndjson", handler: ndjson(`{"response":`+hi+`}`, `{"response":`+bye+`}`), want: "data: " + hi + "\n\ndata: " + bye + "\n\ndata: [DONE]\n\n"},
		{name: "an error first", handler: sse("data: {\"error\":{\"code\":429,\"message\":\"slow down\"}}\n\n"), fails: "slow down", status: 429},
		{name: "an error later", handler: sse("data: {\"response\":1}\n\ndata: {\"error\":{\"message\":\"broke\"}}\n\n"), want: "data: 1\n\n", fails: "broke", status: 502},
		{name: "no envelope", handler: sse("data: {\"choices\":[]}\n\n"), fails: "does not have|no event of the stream has", status: 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := always(send(abi.Send{Deliver: abi.DeliverPass, Unwrap: "response"})...)
			got, err := openAndRead(t, newExecutor(t, g, featured()), serve(t, c.handler).URL)
			if got != c.want || len(g.calls) != 1 {
				t.Errorf("got %q after %d calls, want %q", got, len(g.calls), c.want)
			}
			if c.fails == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			u := upstreamError(t, err)
			_, last, _ := strings.Cut(c.fails, "|")
			if u.Status != c.status || !strings.Contains(u.Message, last) && !strings.Contains(u.Message, c.fails) {
				t.Errorf("error: %+v", u)
			}
		})
	}
}

// TestUnwrapWhole: so is the member of a whole answer.
func TestUnwrapWhole(t *testing.T) {
	for body, want := range map[string]string{
		`{"response": {"a" : 1} ,"trace":2}`:                        `{"a" : 1}`,
		`{"error":{"code":503,"message":"later","status":"UNAVA"}}`: "",
		`{"other":1}`: "",
	} {
		up := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
		e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass, Unwrap: "response"})...), featured())
		r, err := execute(t, e, up.URL)
		if string(r.Payload) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %s, %v", body, r.Payload, err)
		}
	}
}

// TestInspectEvents: the guest sees the first events, in one call however they
// come, and what it passes is the client's from the first byte on.
func TestInspectEvents(t *testing.T) {
	const a, b, rest = "data: 1\n\n: c\n\n", "id: 2\ndata: 2\n\n", "data: 3\n\n"
	for name, pieces := range map[string][]string{"together": {a + b + rest}, "apart": {a[:4], a[4:], b, rest}, "ends within": {a}} {
		for _, unwrap := range []string{"", "x"} {
			t.Run(name+" "+unwrap, func(t *testing.T) {
				var seen []string
				g := &fakeGuest{answer: func(n int, c call) []abi.Action {
					if n == 0 {
						return send(abi.Send{Deliver: abi.DeliverPass, Inspect: 2, Step: "look", Unwrap: unwrap})
					}
					for _, ev := range c.events.Events {
						seen = append(seen, string(ev.Data))
					}
					if c.events.Step != "look" || (c.events.EOF == abi.EOFClean) != (name == "ends within") {
						t.Errorf("events: %+v", c.events)
					}
					return []abi.Action{pass}
				}}
				in := strings.Join(pieces, "")
				want := in
				if unwrap != "" {
					for i := range pieces {
						pieces[i] = strings.NewReplacer("1", `{"x":1}`, "data: 2", `data: {"x":2}`, "3", `{"x":3}`).Replace(pieces[i])
					}
					want = strings.NewReplacer(": c\n\n", "", "id: 2\n", "").Replace(in) + "data: [DONE]\n\n"
				}
				got, err := openAndRead(t, newExecutor(t, g, featured()), serve(t, sse(pieces...)).URL)
				if err != nil || got != want || len(g.calls) != 2 {
					t.Errorf("got %q, %v after %d calls; want %q", got, err, len(g.calls), want)
				}
				if len(seen) != min(2, strings.Count(in, "data")) {
					t.Errorf("seen: %q", seen)
				}
			})
		}
	}
}

// TestInspectAnswer: a whole answer is seen, or its first 64 KiB, and passed
// whole.
func TestInspectAnswer(t *testing.T) {
	for _, size := range []int{10, abi.MaxInspect - 8, abi.MaxInspect * 3} {
		body := `{"x":"` + strings.Repeat("y", size) + `"}`
		up := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
		g := &fakeGuest{answer: func(n int, c call) []abi.Action {
			if n == 0 {
				return send(abi.Send{Deliver: abi.DeliverPass, Inspect: 1})
			}
			if r := c.resume.Response; r.Truncated != (len(body) > abi.MaxInspect) || string(r.Body) != body[:min(len(body), abi.MaxInspect)] {
				t.Errorf("%d bytes: shown %d, truncated %v", len(body), len(r.Body), r.Truncated)
			}
			return []abi.Action{pass}
		}}
		r, err := execute(t, newExecutor(t, g, featured()), up.URL)
		if err != nil || string(r.Payload) != body {
			t.Errorf("%d bytes: got %d, %v", len(body), len(r.Payload), err)
		}
	}
}

// TestHold: what is held is given with what is not, and never when the guest
// fails before.
func TestHold(t *testing.T) {
	hold := func(s string) abi.Action {
		c := chunk(s)
		c.Chunks.Hold = true
		return c
	}
	for _, c := range []struct {
		name, want string
		fails      bool
		then       []abi.Action
	}{
		{"let go", "data: held\n\ndata: now\n\ndata: [DONE]\n\n", false, []abi.Action{chunk("now"), end}},
		{"end", "data: held\n\ndata: [DONE]\n\n", false, []abi.Action{end}},
		{"pass", "data: held\n\n", false, []abi.Action{pass}},
		{"fail", "", true, []abi.Action{fail(abi.Fail{Code: "overloaded"})}},
		{"over the limit", "data: held\n\ndata: " + strings.Repeat("x", abi.MaxHold) + "\n\ndata: late\n\n", true,
			[]abi.Action{hold(strings.Repeat("x", abi.MaxHold)), hold("late"), fail(abi.Fail{Code: "overloaded"})}},
	} {
		t.Run(c.name, func(t *testing.T) {
			next := make(chan struct{})
			up := serve(t, func(w http.ResponseWriter, r *http.Request) {
				sse("data: 1\n\n")(w, r)
				<-next
				sse("data: 2\n\n")(w, r)
			})
			g := &fakeGuest{answer: func(n int, _ call) []abi.Action {
				switch n {
				case 0:
					return send(abi.Send{Deliver: abi.DeliverEvents})
				case 1:
					close(next)
					return []abi.Action{hold("held"), wait}
				}
				return c.then
			}}
			got, err := openAndRead(t, newExecutor(t, g, featured()), up.URL)
			if (err != nil) != c.fails || got != c.want {
				t.Errorf("got %d bytes %.80q, %v; want %.80q", len(got), got, err, c.want)
			}
		})
	}
}

// slow is a door whose answer gives one event, and another after a while.
type slow struct{ after time.Duration }

func (d slow) Do(ctx context.Context, _ *auth.Auth, _ egress.Destination, _ *http.Request) (*http.Response, error) {
	r, w := io.Pipe()
	go func() {
		io.WriteString(w, "data: 1\n\n")
		select {
		case <-time.After(d.after):
		case <-ctx.Done():
		}
		io.WriteString(w, "data: 2\n\n")
		w.Close()
	}()
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: r}, nil
}

// TestHoldTime: nothing is held, and no inspection waits, for more than 30
// seconds; a chunk that comes later is not lost.
func TestHoldTime(t *testing.T) {
	for _, what := range []string{"hold", "inspect"} {
		synctest.Test(t, func(t *testing.T) {
			g := &fakeGuest{answer: func(n int, c call) []abi.Action {
				switch {
				case n == 0 && what == "inspect":
					return send(abi.Send{Deliver: abi.DeliverPass, Inspect: 2})
				case n == 0:
					return send(abi.Send{Deliver: abi.DeliverEvents})
				case what == "inspect":
					if len(c.events.Events) != 1 {
						t.Errorf("%d events were shown", len(c.events.Events))
					}
					return []abi.Action{pass}
				case n == 1:
					return []abi.Action{{Which: abi.ActionIsChunks, Chunks: &abi.Chunks{Hold: true, Payloads: [][]byte{[]byte("1")}}}, wait}
				}
				return []abi.Action{chunk("2"), end}
			}}
			e := newExecutor(t, g, featured(), func(o *Options) { o.Door = slow{after: time.Minute} })
			began := time.Now()
			s, err := e.OpenStream(t.Context(), credential("http://127.0.0.1"), request(), executor.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d := time.Since(began); d != abi.MaxHoldTime {
				t.Errorf("%s: the first bytes came after %v", what, d)
			}
			got, err := readStream(t, s)
			if want := "data: 1\n\ndata: 2\n\n"; err != nil || !strings.HasPrefix(got, want) {
				t.Errorf("%s: got %q, %v", what, got, err)
			}
		})
	}
}

// TestBuffers: what is appended comes out once, as one chunk, and 8 MiB are the
// most that an attempt keeps.
func TestBuffers(t *testing.T) {
	add := func(name, text string) abi.Action {
		return abi.Action{Which: abi.ActionIsAppend, Append: &abi.Append{Buffer: name, Data: []byte(text)}}
	}
	flush := abi.Action{Which: abi.ActionIsFlush, Flush: &abi.Flush{Buffer: "a", Prefix: []byte("<"), Suffix: []byte(">")}}
	drop := abi.Action{Which: abi.ActionIsDrop, Drop: &abi.Drop{Buffer: "a"}}
	g := always(add("a", "1"), add("b", "x"), add("a", "2"), flush, flush, add("a", "3"), drop, flush, end)
	got, err := openAndRead(t, newExecutor(t, g, featured()), "http://127.0.0.1")
	if want := "data: <12>\n\ndata: <>\n\ndata: <>\n\ndata: [DONE]\n\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	for names, want := range map[int]bool{1: true, 2: false} {
		var acts []abi.Action
		for i := range names {
			acts = append(acts, add(fmt.Sprint(i), strings.Repeat("x", abi.MaxBuffer-1)))
		}
		_, err := openAndRead(t, newExecutor(t, always(append(acts, end)...), featured()), "http://127.0.0.1")
		if (err == nil) != want {
			t.Errorf("%d full buffers: %v", names, err)
		}
	}
}

// TestP12AnotherAttemptsBuffer: a buffer is its attempt's; another one that names
// it finds nothing.
func TestP12AnotherAttemptsBuffer(t *testing.T) {
	flush := abi.Action{Which: abi.ActionIsFlush, Flush: &abi.Flush{Buffer: "a"}}
	g := &fakeGuest{answer: func(n int, _ call) []abi.Action {
		if n == 0 {
			return []abi.Action{{Which: abi.ActionIsAppend, Append: &abi.Append{Buffer: "a", Data: []byte("mine")}}, chunk("one"), end}
		}
		return []abi.Action{flush, chunk("two"), end}
	}}
	e := newExecutor(t, g, featured())
	for _, want := range []string{"data: one\n\ndata: [DONE]\n\n", "data: \n\ndata: two\n\ndata: [DONE]\n\n"} {
		if got, err := openAndRead(t, e, "http://127.0.0.1"); err != nil || got != want {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

// TestNotNegotiated: what the manifest does not require breaks the contract.
func TestNotNegotiated(t *testing.T) {
	held := chunk("x")
	held.Chunks.Hold = true
	for name, acts := range map[string][]abi.Action{
		abi.FeatureHold:              {held, end},
		abi.FeatureBuffers:           {{Which: abi.ActionIsDrop, Drop: &abi.Drop{}}, end},
		abi.FeatureUnwrap:            send(abi.Send{Deliver: abi.DeliverPass, Unwrap: "x"}),
		abi.FeatureInspect:           send(abi.Send{Deliver: abi.DeliverPass, Inspect: 1}),
		"refresh":                    {{Which: abi.ActionIsRefresh, Refresh: &abi.Refresh{}}},
		"unwrap and inspect go with": send(abi.Send{Deliver: abi.DeliverEvents, Inspect: 1}),
		"WS":                         send(abi.Send{Deliver: abi.DeliverPass, Transport: abi.TransportWS}),
	} {
		_, err := openAndRead(t, newExecutor(t, always(acts...), manifest()), "http://127.0.0.1")
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "protocol") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCount: a provider without a route for it may count itself.
func TestCount(t *testing.T) {
	g := always(reply(`{"input_tokens":3}`))
	m := featured()
	r, err := newExecutor(t, g, m).CountTokens(t.Context(), credential("http://127.0.0.1"), request(), executor.Options{})
	if err != nil || string(r.Payload) != `{"input_tokens":3}` || g.calls[0].execute.Attempt.Kind != abi.KindCount || r.Metadata != nil {
		t.Errorf("%s, %v, %+v", r.Payload, err, r.Metadata)
	}
	m.Provides.Providers[0].Modes = nil
	if _, err := newExecutor(t, g, m).CountTokens(t.Context(), credential("http://127.0.0.1"), request(), executor.Options{}); err == nil {
		t.Error("a manifest without the mode count counts")
	}
}

// renewing is an executor whose refresh needs no guest.
type renewing struct {
	*Executor
	refreshed int
}

func (e *renewing) Refresh(_ context.Context, a *auth.Auth) (*auth.Auth, error) {
	e.refreshed++
	a = a.Clone()
	a.Metadata["api_key"] = "sk-new-0123456789"
	return a, nil
}

// TestRefreshAction: the credential is refreshed and the attempt made again,
// once, whether execute or classify asked.
func TestRefreshAction(t *testing.T) {
	for _, always := range []bool{false, true} {
		up := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if always || r.Header.Get("Authorization") != "Bearer sk-new-0123456789" {
				w.WriteHeader(http.StatusForbidden)
			}
			io.WriteString(w, `{"ok":true}`)
		})
		g := &fakeGuest{answer: func(_ int, c call) []abi.Action {
			if c.op == abi.OpClassify {
				return []abi.Action{{Which: abi.ActionIsRefresh, Refresh: &abi.Refresh{}}}
			}
			return send(abi.Send{Deliver: abi.DeliverPass, OnError: abi.OnErrorClassify})
		}}
		e := &renewing{Executor: newExecutor(t, g, featured())}
		m := host.NewManager(nil, nil, nil)
		t.Cleanup(func() { m.Close(context.Background()) })
		m.RegisterExecutor(e)
		c := credential(up.URL)
		if _, err := m.Register(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		m.SetModels(c.ID, host.ModelInfo{ID: "m-1"})
		r, err := m.Execute(t.Context(), []string{"fake"}, request(), executor.Options{})
		if e.refreshed != 1 || (err != nil) != always || err == nil && string(r.Payload) != `{"ok":true}` {
			t.Errorf("always refused %v: refreshed %d times, %s, %v", always, e.refreshed, r.Payload, err)
		}
	}
}

// TestHiddenFailureFailsOver: an error within a stream of status 200, before
// anything is committed, is answered by another credential (walk 12, U-07).
func TestHiddenFailureFailsOver(t *testing.T) {
	bad := serve(t, sse("event: created\ndata: {}\n\n", "event: error\ndata: {}\n\n"))
	good := serve(t, sse("event: created\ndata: {}\n\n", "data: hello\n\n"))
	g := &fakeGuest{answer: func(_ int, c call) []abi.Action {
		if c.op == abi.OpExecute {
			return send(abi.Send{Deliver: abi.DeliverEvents})
		}
		var out []abi.Action
		for _, ev := range c.events.Events {
			switch ev.Name {
			case "error":
				return append(out, fail(abi.Fail{Code: "overloaded"}))
			case "created":
				h := chunk("created")
				h.Chunks.Hold = true
				out = append(out, h)
			default:
				out = append(out, chunk(string(ev.Data)))
			}
		}
		if c.events.EOF != abi.EOFNone {
			return append(out, end)
		}
		return append(out, wait)
	}}
	m := host.NewManager(nil, &host.FillFirstSelector{}, nil)
	t.Cleanup(func() { m.Close(context.Background()) })
	m.RegisterExecutor(newExecutor(t, g, featured()))
	for i, base := range []string{bad.URL, good.URL} {
		c := credential(base)
		c.ID = fmt.Sprint(i)
		if _, err := m.Register(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		m.SetModels(c.ID, host.ModelInfo{ID: "m-1"})
	}
	s, err := m.OpenStream(t.Context(), []string{"fake"}, request(), executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := readStream(t, s)
	if want := "data: created\n\ndata: hello\n\ndata: [DONE]\n\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
}
