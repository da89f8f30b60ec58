package driver

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/executor"
)

func open(t testing.TB, e *Executor, base string) (executor.Stream, error) {
	t.Helper()
	return e.OpenStream(t.Context(), credential(base), request(), executor.Options{Stream: true})
}

// openAndRead is a stream from its beginning to its end, whichever fails.
func openAndRead(t testing.TB, e *Executor, base string) (string, error) {
	t.Helper()
	s, err := open(t, e, base)
	if err != nil {
		return "", err
	}
	return readStream(t, s)
}

// sse writes pieces of a stream, each in a write of its own.
func sse(pieces ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		for _, p := range pieces {
			io.WriteString(w, p)
			w.(http.Flusher).Flush()
		}
	}
}

// TestPassedStream: bytes go through untouched, wherever they are cut, and the
// guest is called once.
func TestPassedStream(t *testing.T) {
	emoji := "data: {\"x\":\"😀\"}\n\n"
	for name, pieces := range map[string][]string{
		"events":    {"data: a\n\n", "data: b\n\n", "data: [DONE]\n\n"},
		"mid-rune":  {emoji[:12], emoji[12:13], emoji[13:], "data: [DONE]\n\n"},
		"crlf":      {"data: a\r", "\n\r\ndata: b\r\n\r\n"},
		"comments":  {": keep-alive\n\n", "data: a\n\n"},
		"unclosed":  {"data: a\n\n", "data: b"},
		"not utf-8": {"data: \xff\xfe\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			up := serve(t, sse(pieces...))
			g := always(send(abi.Send{Deliver: abi.DeliverPass})...)
			s, err := open(t, newExecutor(t, g, manifest()), up.URL)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readStream(t, s)
			if want := strings.Join(pieces, ""); err != nil || got != want {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
			if s.Framing() != executor.FramingWire || s.Headers().Get("Content-Type") == "" {
				t.Errorf("framing %v, headers %v", s.Framing(), s.Headers())
			}
			if len(g.calls) != 1 {
				t.Errorf("the guest was called %d times, want 1", len(g.calls))
			}
		})
	}
}

// TestMappedStreamCalls: a mapped stream costs one call, and one for each batch
// of events that were there together.
func TestMappedStreamCalls(t *testing.T) {
	const batches, each = 5, 7
	next := make(chan struct{}, batches)
	up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for b := range batches {
			<-next
			var all strings.Builder
			for i := range each {
				fmt.Fprintf(&all, "event: delta\nid: %d\ndata: %d\n\n", i, b*each+i)
			}
			io.WriteString(w, all.String())
			w.(http.Flusher).Flush()
		}
	})
	g := &fakeGuest{answer: func(n int, c call) []abi.Action {
		if n == 0 {
			return send(abi.Send{Deliver: abi.DeliverEvents, Step: "s"})
		}
		var out []abi.Action
		for _, ev := range c.events.Events {
			out = append(out, chunk("<"+string(ev.Data)+">"))
		}
		if len(c.events.Events) > 0 && string(c.events.Events[len(c.events.Events)-1].Data) == fmt.Sprint(batches*each-1) {
			return append(out, end)
		}
		next <- struct{}{}
		return append(out, wait)
	}}
	next <- struct{}{}
	s, err := open(t, newExecutor(t, g, manifest()), up.URL)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readStream(t, s)
	var want strings.Builder
	for i := range batches * each {
		fmt.Fprintf(&want, "data: <%d>\n\n", i)
	}
	want.WriteString("data: [DONE]\n\n")
	if err != nil || got != want.String() {
		t.Errorf("got %q, %v", got, err)
	}
	if n := len(g.calls); n != 1+batches {
		t.Errorf("the guest was called %d times, want 1 + %d", n, batches)
	}
	first := g.calls[1].events
	if first.Op != abi.OpExecute || first.Step != "s" || first.EOF != abi.EOFNone || first.Events[0].Name != "delta" || first.Events[1].ID != "1" {
		t.Errorf("first batch: %+v", first)
	}
}

// TestMappedStreamEnds: how an upstream ends is told, and what the guest makes
// of it is done.
func TestMappedStreamEnds(t *testing.T) {
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: 1\n\ndata: 2")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	quiet := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		io.WriteString(w, "{\"n\":1}\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		eof     abi.Eof
		events  string
	}{
		{"clean, last event unclosed", sse("data: 1\n\ndata: 2"), abi.EOFClean, "1,2"},
		{"reset", cut, abi.EOFReset, "1"},
		{"idle, ndjson", quiet, abi.EOFIdle, `{"n":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := serve(t, c.handler)
			var seen []string
			var eof abi.Eof
			g := &fakeGuest{answer: func(n int, c call) []abi.Action {
				if n == 0 {
					return send(abi.Send{Deliver: abi.DeliverEvents, IdleMS: 200})
				}
				for _, ev := range c.events.Events {
					seen = append(seen, string(ev.Data))
				}
				if eof = c.events.EOF; eof == abi.EOFNone {
					return []abi.Action{wait}
				}
				return []abi.Action{fail(abi.Fail{Code: "stream_broken", Message: "cut"})}
			}}
			_, err := openAndRead(t, newExecutor(t, g, manifest()), up.URL)
			if u := upstreamError(t, err); u.Code != "stream_broken" || u.Status != 502 {
				t.Errorf("error: %+v", u)
			}
			if eof != c.eof || strings.Join(seen, ",") != c.events {
				t.Errorf("eof %v after %q, want %v after %q", eof, seen, c.eof, c.events)
			}
		})
	}
}

// TestPassFromEvents: after pass the rest is the client's, including the bytes
// that were read but not yet an event.
func TestPassFromEvents(t *testing.T) {
	release := make(chan struct{})
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sse("data: 1\n\nid: 7\ndata: par")(w, r)
		<-release
		io.WriteString(w, "tial\n\n: end\n")
	})
	g := &fakeGuest{answer: func(n int, _ call) []abi.Action {
		if n == 0 {
			return send(abi.Send{Deliver: abi.DeliverEvents})
		}
		close(release)
		return []abi.Action{chunk("one"), pass}
	}}
	s, err := open(t, newExecutor(t, g, manifest()), up.URL)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readStream(t, s)
	if want := "data: one\n\nid: 7\ndata: partial\n\n: end\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if len(g.calls) != 2 {
		t.Errorf("%d calls, want 2", len(g.calls))
	}
}

// TestStreamWithoutNetwork: a local provider streams from execute and sleeps
// between its chunks; each chunk goes out before the sleep.
func TestStreamWithoutNetwork(t *testing.T) {
	g := &fakeGuest{
		answer: func(n int, c call) []abi.Action {
			if n == 2 {
				if string(c.resume.State) != "state 1" || c.resume.Step != "next" || c.resume.SleptMS != 100 || c.resume.Op != abi.OpExecute {
					t.Errorf("resume: %+v", c.resume)
				}
				return []abi.Action{chunk("three"), end}
			}
			return []abi.Action{chunk(fmt.Sprint(n)), {Which: abi.ActionIsSleep, Sleep: &abi.Sleep{MS: 1, Step: "next"}}}
		},
		state: func(n int) []byte { return fmt.Appendf(nil, "state %d", n) },
	}
	m := manifest()
	m.Capabilities, m.Destinations = nil, nil
	s, err := open(t, newExecutor(t, g, m), "http://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(g.calls); n != 1 {
		t.Errorf("%d calls before the first chunk was taken, want 1", n)
	}
	got, err := readStream(t, s)
	if want := "data: 0\n\ndata: 1\n\ndata: three\n\ndata: [DONE]\n\n"; err != nil || got != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// TestU07StreamBreaks: before the first byte a break is an error of OpenStream or
// of the first Next; after it, of the Next that met it.
func TestU07StreamBreaks(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		idle    uint64
		want    string // what the client got
		timeout bool
	}{
		{name: "before headers", handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{name: "after headers", handler: func(w http.ResponseWriter, r *http.Request) { sse("")(w, r); panic(http.ErrAbortHandler) }},
		{name: "after a byte", handler: func(w http.ResponseWriter, r *http.Request) { sse("data: 1\n")(w, r); panic(http.ErrAbortHandler) }, want: "data: 1\n"},
		{name: "U-06 silent", handler: func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, idle: 150, timeout: true},
		{name: "U-06 silent after a byte", handler: func(w http.ResponseWriter, r *http.Request) {
			sse("data: 1\n")(w, r)
			<-r.Context().Done()
		}, idle: 150, want: "data: 1\n", timeout: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := serve(t, c.handler)
			g := always(send(abi.Send{Deliver: abi.DeliverPass, IdleMS: c.idle})...)
			s, err := open(t, newExecutor(t, g, manifest()), up.URL)
			got := ""
			if err == nil {
				got, err = readStream(t, s)
			}
			u := upstreamError(t, err)
			if got != c.want || u.Status != 0 || u.RequestScope || u.CredentialScope {
				t.Errorf("got %q, %+v", got, u)
			}
			var e *egress.Error
			if c.timeout && (!errors.As(err, &e) || e.Reason != egress.Timeout) {
				t.Errorf("error is %v, want a timeout of the door", err)
			}
		})
	}
}

// TestEncodedAnswers: an answer that is encoded although nobody asked is
// decoded, or refused when the coding is unknown.
func TestEncodedAnswers(t *testing.T) {
	const text = "data: zipped\n\n"
	encode := map[string]func(io.Writer) io.WriteCloser{
		"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"deflate": func(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 1); return f },
		"br":      nil,
	}
	for coding, with := range encode {
		t.Run(coding, func(t *testing.T) {
			up := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("Accept-Encoding"); got != "identity" {
					t.Errorf("Accept-Encoding is %q", got)
				}
				w.Header().Set("Content-Type", "text/event-stream")
				w.Header().Set("Content-Encoding", coding)
				if with == nil {
					return
				}
				z := with(w)
				io.WriteString(z, text)
				z.Close()
			})
			s, err := open(t, newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest()), up.URL)
			if with == nil {
				if u := upstreamError(t, err); u.Status != 502 || !strings.Contains(u.Message, "br") {
					t.Errorf("error: %+v", u)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := readStream(t, s)
			if err != nil || got != text || s.Headers().Get("Content-Encoding") != "" {
				t.Errorf("got %q, %v, headers %v", got, err, s.Headers())
			}
		})
	}
}

// TestStreamThatIsNone: JSON under 200 is not a stream.
func TestStreamThatIsNone(t *testing.T) {
	for body, committed := range map[string]bool{
		`{"error":{"message":"overloaded, sorry"}}`: false,
		`{"choices":[]}`: true,
	} {
		up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, body)
		})
		_, err := open(t, newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest()), up.URL)
		if u := upstreamError(t, err); u.Status != 502 || u.Committed != committed {
			t.Errorf("%s: %+v", body, u)
		}
	}
}

// TestLongEvent: an event beyond the cap ends the stream, and memory with it.
func TestLongEvent(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		block := bytes.Repeat([]byte("x"), 1<<20)
		io.WriteString(w, "data: ")
		for range 12 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	g := &fakeGuest{answer: func(int, call) []abi.Action { return send(abi.Send{Deliver: abi.DeliverEvents}) }}
	_, err := openAndRead(t, newExecutor(t, g, manifest()), up.URL)
	if u := upstreamError(t, err); !strings.Contains(u.Message, "longer than") {
		t.Errorf("error: %v", u)
	}
}
