package wire

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestMember: the value comes out as it stands, whatever is around it.
func TestMember(t *testing.T) {
	for _, c := range []struct {
		text, path, want string // want is empty when there is no value
	}{
		{`{"response":{"a": 1 }}`, "response", `{"a": 1 }`},
		{` { "x" : [1, "}"] , "response" : "\ud83d\ude00" } `, "response", `"\ud83d\ude00"`},
		{`{"a":{"b":[{"c":1},{"c":{"d":2}}]}}`, "a.b.1.c", `{"d":2}`},
		{`{"a.b":1,"c\\d":2}`, `a\.b`, `1`},
		{`{"a.b":1,"c\\d":2}`, `c\\d`, `2`},
		{`{"\u0061":true}`, "a", `true`},
		{`{"a":1,"a":2}`, "a", `1`},
		{`{"a":null}`, "a", ""},
		{`{"b":1}`, "a", ""},
		{`{"a":[1]}`, "a.1", ""},
		{`{"a":[]}`, "a.0", ""},
		{`{"a":[1]}`, "a.-1", ""},
		{`{"a":{}}`, "a.b", ""},
		{`{"a":1}`, "a.b", ""},
		{`{"a":`, "a", ""},
		{`{"a":{"b":1}`, "a", `{"b":1}`}, // what follows the value is not looked at
		{`{"x":tru,"a":1}`, "a", ""},
		{`[DONE]`, "a", ""},
		{``, "a", ""},
	} {
		p, err := ParsePath(c.path)
		if err != nil {
			t.Errorf("%q: %v", c.path, err)
		}
		if got, ok := Member([]byte(c.text), p); ok != (c.want != "") || ok && string(got) != c.want {
			t.Errorf("%s at %s: %s, %v; want %q", c.text, c.path, got, ok, c.want)
		}
	}
	for _, bad := range []string{"", ".", "a.", ".a", "a..b", `a\`} {
		if _, err := ParsePath(bad); err == nil {
			t.Errorf("%q is taken for a path", bad)
		}
	}
	if _, ok := Member([]byte("{}"), Path{}); ok {
		t.Error("no path is a path to the whole")
	}
}

// TestMemberAllocatesNothing: it is done for every event of a stream.
func TestMemberAllocatesNothing(t *testing.T) {
	p, err := ParsePath("response")
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(`{"traceId":"1","response":{"candidates":[{"content":{"parts":[{"text":"hello"}]}}]}}`)
	if n := testing.AllocsPerRun(100, func() { Member(text, p) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzMember: what comes out of a JSON text is what a decoder finds there.
func FuzzMember(f *testing.F) {
	for _, s := range []string{`{"a":{"b":1}}`, `{"x":[],"a":{"y":"\"","b":[1,2]}}`, `{"a":{"b":null}}`, `[{}]`, `{"a":1`, "\xff"} {
		f.Add([]byte(s))
	}
	p, err := ParsePath("a.b")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := Member(text, p)
		if ok && !json.Valid(got) {
			t.Fatalf("%q is not JSON", got)
		}
		// Maps, since the fields of a struct are found in any case.
		var want map[string]json.RawMessage
		var inner map[string]json.RawMessage
		if strings.Count(strings.ToLower(string(text)), `a`) != 1 || strings.Count(string(text), `b`) != 1 || json.Unmarshal(text, &want) != nil || want["a"] != nil && json.Unmarshal(want["a"], &inner) != nil {
			return // names that occur twice, or folded, are read otherwise
		}
		raw, there := inner["b"]
		if there && string(raw) == "null" {
			there = false
		}
		if ok != there || ok && string(got) != string(raw) {
			t.Fatalf("got %q, %v; want %q, %v", got, ok, raw, there)
		}
	})
}
