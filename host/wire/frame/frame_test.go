package frame

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plain is an Event that outlives its splitter.
type plain struct{ Name, Data, ID string }

// cut feeds in to s in pieces of the given sizes, the last one repeated, and
// returns all events, those of End among them.
func cut(s Splitter, in []byte, sizes ...int) ([]plain, error) {
	var out []plain
	add := func(ev Event) { out = append(out, plain{ev.Name, string(ev.Data), ev.ID}) }
	for i := 0; len(in) > 0; i++ {
		n := max(sizes[min(i, len(sizes)-1)], 1)
		n = min(n, len(in))
		s.Feed(in[:n])
		in = in[n:]
		var batch []Event
		ev, ok, err := s.Next()
		for ; ok; ev, ok, err = s.Next() {
			batch = append(batch, ev)
		}
		for _, ev := range batch { // all of one Feed are valid together
			add(ev)
		}
		if err != nil {
			return out, err
		}
	}
	ev, ok, err := s.End()
	if ok {
		add(ev)
	}
	return out, err
}

func TestSSE(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []plain
	}{
		{"lf", "data: a\n\ndata: b\n\n", []plain{{Data: "a"}, {Data: "b"}}},
		{"crlf", "data: a\r\n\r\ndata: b\r\n\r\n", []plain{{Data: "a"}, {Data: "b"}}},
		{"cr", "data: a\r\rdata: b\r\r", []plain{{Data: "a"}, {Data: "b"}}},
		{"mixed ends", "data: a\r\ndata: b\rdata: c\n\r\n", []plain{{Data: "a\nb\nc"}}},
		{"name and id", "event: e\nid: 7\ndata: x\n\ndata: y\n\n", []plain{{"e", "x", "7"}, {Data: "y"}}},
		{"no space", "event:e\ndata:x\n\n", []plain{{Name: "e", Data: "x"}}},
		{"one space only", "data:  x\n\n", []plain{{Data: " x"}}},
		{"colon in value", "data: a:b\n\n", []plain{{Data: "a:b"}}},
		{"bare field", "data\n\n", []plain{{}}},
		{"empty lines of data", "data:\ndata:\n\n", []plain{{Data: "\n"}}},
		{"multi-line", "data: a\nevent: e\n: c\ndata: b\n\n", []plain{{Name: "e", Data: "a\nb"}}},
		{"comments", ": hi\n\n:\ndata: a\n\n", []plain{{Data: "a"}}},
		{"unknown fields", "retry: 5\ndatax: 1\nda: 2\ndata: a\n\n", []plain{{Data: "a"}}},
		{"event without data", "event: ping\n\ndata: a\n\n", []plain{{Data: "a"}}},
		{"id with NUL", "id: a\x00b\ndata: x\n\n", []plain{{Data: "x"}}},
		{"bom", "\xef\xbb\xbfdata: a\n\n", []plain{{Data: "a"}}},
		{"bom only once", "data: a\n\n\xef\xbb\xbfdata: b\n\n", []plain{{Data: "a"}}},
		{"half a bom", "\xef\xbb", nil},
		{"no final blank line", "data: a\n\ndata: b\n", []plain{{Data: "a"}, {Data: "b"}}},
		{"no final line end", "data: a\n\ndata: b", []plain{{Data: "a"}, {Data: "b"}}},
		{"cr at the end", "data: a\n\ndata: b\r", []plain{{Data: "a"}, {Data: "b"}}},
		{"emoji", "data: 😀\n\n", []plain{{Data: "😀"}}},
		{"not utf-8", "data: \xff\n\n", []plain{{Data: "\xff"}}},
		{"empty", "", nil},
		{"blank lines", "\n\r\n\r\r\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 5, 1 << 20} {
				got, err := cut(&SSE{}, []byte(c.in), size)
				if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
					t.Errorf("in pieces of %d: %v %s", size, err, diff)
				}
			}
		})
	}
}

func TestNDJSON(t *testing.T) {
	for in, want := range map[string][]plain{
		"{\"a\":1}\n{\"b\":2}\n": {{Data: `{"a":1}`}, {Data: `{"b":2}`}},
		"{}\r\n\r\n \t\n{}":      {{Data: "{}"}, {Data: "{}"}},
		"\xef\xbb\xbf{}\n":       {{Data: "{}"}},
		"{\"x\":\"a\rb\"}\n":     {{Data: "{\"x\":\"a\rb\"}"}},
		"{\"x\":\"😀\"}":          {{Data: `{"x":"😀"}`}},
		"":                       nil,
		"\n\n":                   nil,
	} {
		for _, size := range []int{1, 2, 3, 1 << 20} {
			got, err := cut(&NDJSON{}, []byte(in), size)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%q in pieces of %d: %v %s", in, size, err, diff)
			}
		}
	}
}

// TestTooLong: the cap holds for an event, however it comes, and what stood
// before it is given.
func TestTooLong(t *testing.T) {
	long := strings.Repeat("x", 100)
	for name, in := range map[string]string{
		"one line":   "data: " + long + "\n\n",
		"many lines": strings.Repeat("data: xxxxxxxx\n", 10) + "\n",
		"no end":     long,
		"a comment":  ":" + long + "\n",
	} {
		for _, size := range []int{1, 7, 1 << 20} {
			s := &SSE{Max: 64}
			got, err := cut(s, []byte("data: a\n\n"+in), size)
			var tooLong *TooLongError
			if !errors.As(err, &tooLong) || tooLong.Limit != 64 || len(got) != 1 {
				t.Errorf("%s in pieces of %d: %v, %v", name, size, got, err)
			}
			s.Feed([]byte("data: b\n\n"))
			if _, ok, again := s.Next(); ok || again == nil {
				t.Errorf("%s: the error is not final", name)
			}
		}
	}
	if got, err := cut(&NDJSON{Max: 64}, []byte("{}\n"+long+"\n"), 1); err == nil || len(got) != 1 {
		t.Errorf("ndjson: %v, %v", got, err)
	}
	// Comments between events are no event, however many there are.
	if _, err := cut(&SSE{Max: 64}, []byte(strings.Repeat(": alive\n", 100)+"data: a\n\n"), 9); err != nil {
		t.Errorf("comments: %v", err)
	}
}

// TestRest: what no event was made of is there as it came.
func TestRest(t *testing.T) {
	const done, open = "data: a\r\n\r\n", "id: 3\r\ndata: x\r\ndata: y"
	for size := 1; size <= len(done+open); size++ {
		s := &SSE{}
		in := []byte(done + open)
		for len(in) > 0 {
			n := min(size, len(in))
			s.Feed(in[:n])
			in = in[n:]
			for ok := true; ok; {
				_, ok, _ = s.Next()
			}
		}
		if got := string(s.Rest()); got != open {
			t.Fatalf("pieces of %d: rest is %q", size, got)
		}
	}
}

func TestAppendSSE(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"", "x", "data: x\n\n"},
		{"e", "x", "event: e\ndata: x\n\n"},
		{"a\r\nb\x00", "x", "event: ab\ndata: x\n\n"},
		{"", "a\nb\r\nc\rd", "data: a\ndata: b\ndata: c\ndata: d\n\n"},
		{"", "", "data: \n\n"},
		{"", "a\n", "data: a\ndata: \n\n"},
	} {
		if got := string(AppendSSE(nil, c.name, []byte(c.data))); got != c.want {
			t.Errorf("AppendSSE(%q, %q) = %q, want %q", c.name, c.data, got, c.want)
		}
	}
}

// TestMemoryIsLetGo: the buffer of one long event is not kept for short ones.
func TestMemoryIsLetGo(t *testing.T) {
	s := &SSE{}
	s.Feed(append(bytes.Repeat([]byte("data: x\n"), 1<<17), '\n'))
	if _, ok, err := s.Next(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	s.Feed([]byte("data: y\n\n"))
	if c := cap(s.b.buf); c > keepBuffer {
		t.Errorf("the buffer still holds %d bytes", c)
	}
}

func BenchmarkSSE(b *testing.B) {
	in := bytes.Repeat([]byte("data: {\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\n"), 100)
	s := &SSE{}
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		s.Feed(in)
		for ok := true; ok; {
			_, ok, _ = s.Next()
		}
	}
}
