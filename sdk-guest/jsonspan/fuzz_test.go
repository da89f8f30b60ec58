package jsonspan_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/patchbay-dev/patchbay/sdk-guest/jsonspan"
)

// FuzzValuesAgreeWithEncodingJSON walks valid text with both and compares
// every value; of text that is not valid it asks only that nothing breaks.
func FuzzValuesAgreeWithEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		document, `[]`, `{}`, `"\ud800\u0041"`, `"\ud83d\ude00"`, `[1,-0.5e+10,"\/"]`, `{"":{"":[null,true]}}`,
		"\"\xff\xfe\"", `{"a":1,"a":2}`, `[[[[[]]]]]`, `{"a\\":"\\\\\""}`, `nul`, `{"a":[}`, "[1\n,\t2]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		v := jsonspan.Get(doc)
		if !json.Valid(doc) {
			visit(v, 0)
			jsonspan.Get(doc, "a", "0", "b")
			return
		}
		compare(t, v, bytes.TrimSpace(doc))
	})
}

// FuzzAppendStringAgreesWithEncodingJSON holds that what is quoted is valid
// JSON which both decoders read back.
func FuzzAppendStringAgreesWithEncodingJSON(f *testing.F) {
	for _, seed := range []string{"", "a", "\"\\\n\r\t\b\f\x00\x1f", "😀", "\xff", "a\xf0\x9f", "\u2028", "\ufffd", "\x7f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := jsonspan.AppendString([]byte("x"), s)[1:]
		if fromBytes := jsonspan.AppendString(nil, []byte(s)); !bytes.Equal(quoted, fromBytes) {
			t.Fatalf("of a string %s, of bytes %s", quoted, fromBytes)
		}
		var want string
		if err := json.Unmarshal(quoted, &want); err != nil {
			t.Fatalf("%s: %v", quoted, err)
		}
		if utf8.ValidString(s) && want != s {
			t.Fatalf("%q is quoted as %s", s, quoted)
		}
		if got := jsonspan.Value(quoted).Text(); got != want {
			t.Fatalf("Text of %s = %q, want %q", quoted, got, want)
		}
	})
}

func visit(v jsonspan.Value, depth int) {
	_, _, _, _ = v.Text(), v.Int(), v.Float(), v.Bool()
	if depth > 20 {
		return
	}
	for item := range v.Items() {
		visit(item, depth+1)
	}
	for name, value := range v.Members() {
		_ = name.Text()
		visit(value, depth+1)
	}
}

func compare(t *testing.T, v jsonspan.Value, want []byte) {
	t.Helper()
	if !bytes.Equal(v, want) {
		t.Fatalf("value is %q, want %q", v, want)
	}
	switch want[0] {
	case '"':
		var s string
		unmarshal(t, want, &s)
		if v.Text() != s || string(v.AppendText(nil)) != s {
			t.Fatalf("Text of %s = %q, want %q", want, v.Text(), s)
		}
		if !v.Is(s) && utf8.Valid(want) {
			t.Fatalf("%s is not %q", want, s)
		}
	case '[':
		var all []json.RawMessage
		unmarshal(t, want, &all)
		n := 0
		for item := range v.Items() {
			if n == len(all) {
				t.Fatalf("%s has more than %d items", want, n)
			}
			compare(t, item, all[n])
			n++
		}
		if n != len(all) {
			t.Fatalf("%s has %d items, not %d", want, len(all), n)
		}
	case '{':
		// The decoder gives the last of equal names, so only counted here.
		dec := json.NewDecoder(bytes.NewReader(want))
		token(t, dec)
		for name, value := range v.Members() {
			if !dec.More() {
				t.Fatalf("%s has more members than it should", want)
			}
			if got := token(t, dec); got != name.Text() {
				t.Fatalf("name is %q, want %q", name.Text(), got)
			}
			var raw json.RawMessage
			if err := dec.Decode(&raw); err != nil {
				t.Fatal(err)
			}
			compare(t, value, raw)
		}
		if dec.More() {
			t.Fatalf("%s has members that were not seen", want)
		}
	case 't', 'f':
		if v.Bool() != (want[0] == 't') {
			t.Fatalf("Bool of %s = %v", want, v.Bool())
		}
	case 'n':
	default:
		var n int64
		if json.Unmarshal(want, &n) == nil && v.Int() != n {
			t.Fatalf("Int of %s = %d, want %d", want, v.Int(), n)
		}
	}
}

func unmarshal(t *testing.T, raw []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func token(t *testing.T, dec *json.Decoder) json.Token {
	t.Helper()
	tok, err := dec.Token()
	if err != nil {
		t.Fatal(err)
	}
	return tok
}
