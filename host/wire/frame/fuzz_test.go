package frame

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parse is SSE as the standard words it, on the whole text at once.
func parse(in string) []plain {
	in = strings.TrimPrefix(in, "\xef\xbb\xbf")
	in = strings.ReplaceAll(strings.ReplaceAll(in, "\r\n", "\n"), "\r", "\n")
	var out []plain
	var ev plain
	var data []string
	for line := range strings.SplitSeq(in+"\n\n", "\n") {
		if line == "" {
			if data != nil {
				ev.Data = strings.Join(data, "\n")
				out = append(out, ev)
			}
			ev, data = plain{}, nil
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "data":
			data = append(data, value)
		case "event":
			ev.Name = value
		case "id":
			if !strings.Contains(value, "\x00") {
				ev.ID = value
			}
		}
	}
	return out
}

func FuzzSSE(f *testing.F) {
	for _, in := range []string{
		"data: a\n\n", "data: a\r\n\r\ndata: b\r\r", "event: e\nid: 1\ndata: x\ndata: y\n\n",
		"\xef\xbb\xbfdata: 😀\n\n", ": c\n\ndata", "data:\n\ndata: [DONE]", "\xef\xbb", "\r\n\r\n\r", "event: a\n\ndata: b\n\n",
	} {
		f.Add([]byte(in), []byte{1, 2, 3})
	}
	f.Fuzz(func(t *testing.T, in, sizes []byte) {
		want, err := cut(&SSE{}, in, max(len(in), 1))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(parse(string(in)), want); diff != "" {
			t.Fatalf("differs from the standard: %s", diff)
		}
		if got, _ := cut(&SSE{}, in, ints(sizes)...); !cmp.Equal(want, got) {
			t.Fatalf("a split changes the events: %s", cmp.Diff(want, got))
		}
		// The cap does not depend on the split either.
		whole, wholeErr := cut(&SSE{Max: 16}, in, max(len(in), 1))
		got, gotErr := cut(&SSE{Max: 16}, in, ints(sizes)...)
		if !cmp.Equal(whole, got) || (wholeErr == nil) != (gotErr == nil) {
			t.Fatalf("a split changes what is too long: %v %v, %v %v", whole, wholeErr, got, gotErr)
		}
		// What is written is read again.
		var again []byte
		for _, ev := range want {
			again = AppendSSE(again, ev.Name, []byte(ev.Data))
		}
		back, _ := cut(&SSE{}, again, 1)
		for i := range want {
			want[i].ID = ""
			want[i].Name = strings.ReplaceAll(want[i].Name, "\x00", "")
		}
		if !cmp.Equal(want, back) {
			t.Fatalf("written and read: %s", cmp.Diff(want, back))
		}
	})
}

func FuzzNDJSON(f *testing.F) {
	for _, in := range []string{"{}\n{}\n", "{\"a\":1}\r\n\r\n", "\xef\xbb\xbf{}", "\xef", " \n\t\r\n{}"} {
		f.Add([]byte(in), []byte{1, 2})
	}
	f.Fuzz(func(t *testing.T, in, sizes []byte) {
		want, err := cut(&NDJSON{}, in, max(len(in), 1))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := cut(&NDJSON{}, in, ints(sizes)...); !cmp.Equal(want, got) {
			t.Fatalf("a split changes the events: %s", cmp.Diff(want, got))
		}
		for _, ev := range want {
			if ev.Data == "" || bytes.ContainsRune([]byte(ev.Data), '\n') {
				t.Fatalf("the event %q is no line", ev.Data)
			}
		}
	})
}

func ints(sizes []byte) []int {
	out := []int{1}
	for _, n := range sizes {
		out = append(out, int(n))
	}
	return out
}
