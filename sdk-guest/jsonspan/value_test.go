package jsonspan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/sdk-guest/jsonspan"
)

const document = ` {
	"model" : "small",
	"na\u006de": "A\n\"\ud83d\ude00",
	"list": [1, {"x": [true, null]}, "]}\\"],
	"n": -12.75e2, "big": 123456789012345678901, "yes": true, "no": false, "nil": null,
	"deep": {"a": {"b": {"c": "d"}}},
	"model": "second"
} `

func TestAPathFindsTheRawValue(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"model", `"small"`},
		{"name", `"A\n\"\ud83d\ude00"`},
		{"list", `[1, {"x": [true, null]}, "]}\\"]`},
		{"list 0", `1`},
		{"list 1 x 1", `null`},
		{"list 2", `"]}\\"`},
		{"list 3", ``},
		{"list -1", ``},
		{"list x", ``},
		{"deep a b", `{"c": "d"}`},
		{"deep a b c", `"d"`},
		{"deep a b c d", ``},
		{"deep x", ``},
		{"n", `-12.75e2`},
		{"nil", `null`},
		{"missing", ``},
	} {
		got := jsonspan.Get([]byte(document), strings.Fields(c.path)...)
		if string(got) != c.want {
			t.Errorf("Get(%s) = %s, want %s", c.path, got, c.want)
		}
		if got.Exists() != (c.want != "") {
			t.Errorf("Get(%s).Exists() = %v", c.path, got.Exists())
		}
	}
	if got, want := jsonspan.Get([]byte(document)), strings.TrimSpace(document); string(got) != want {
		t.Errorf("Get() = %s, want the document", got)
	}
}

func TestValuesAreRead(t *testing.T) {
	doc := []byte(document)
	if got, want := jsonspan.Get(doc, "name").Text(), "A\n\"😀"; got != want {
		t.Errorf("Text = %q, want %q", got, want)
	}
	if got := jsonspan.Get(doc, "n").Int(); got != -1275 {
		t.Errorf("Int = %d, want -1275", got)
	}
	if got := jsonspan.Get(doc, "n").Float(); got != -1275 {
		t.Errorf("Float = %v, want -1275", got)
	}
	if got := jsonspan.Get(doc, "big").Int(); got != 0 {
		t.Errorf("Int out of range = %d, want 0", got)
	}
	if !jsonspan.Get(doc, "yes").Bool() || jsonspan.Get(doc, "no").Bool() || jsonspan.Get(doc, "nil").Bool() {
		t.Error("Bool reads true and nothing else as true")
	}
	kinds := []jsonspan.Kind{jsonspan.String, jsonspan.Array, jsonspan.Number, jsonspan.Bool, jsonspan.Null, jsonspan.Object, jsonspan.Absent}
	for i, name := range []string{"model", "list", "n", "yes", "nil", "deep", "missing"} {
		if got := jsonspan.Get(doc, name).Kind(); got != kinds[i] {
			t.Errorf("Kind of %s = %d, want %d", name, got, kinds[i])
		}
	}
}

func TestIntegersAtTheEdges(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-1": -1, "999999999999999999": 999999999999999999,
		"9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63,
		"9223372036854775808": 0, "1.9": 1, "-1.9": -1, "1e3": 1000, "1700000000.0": 1700000000,
		"-": 0, "1-1": 0, `"1"`: 0, "true": 0,
	} {
		if got := jsonspan.Get([]byte(text)).Int(); got != want {
			t.Errorf("Int of %s = %d, want %d", text, got, want)
		}
	}
}

func TestItemsAndMembersKeepTheirOrder(t *testing.T) {
	var items []string
	for v := range jsonspan.Get([]byte(`[ 1 , "a,]" , [2,3] , {"k":{}} ]`)).Items() {
		items = append(items, string(v))
	}
	if diff := cmp.Diff([]string{`1`, `"a,]"`, `[2,3]`, `{"k":{}}`}, items); diff != "" {
		t.Error(diff)
	}
	var members []string
	for k, v := range jsonspan.Get([]byte(`{ "a" : 1 , "b\"" : {"c":2} }`)).Members() {
		members = append(members, k.Text()+"="+string(v))
	}
	if diff := cmp.Diff([]string{`a=1`, `b"={"c":2}`}, members); diff != "" {
		t.Error(diff)
	}
	for range jsonspan.Get([]byte(`[]`)).Items() {
		t.Error("an empty array has an item")
	}
	for range jsonspan.Get([]byte(`{}`)).Members() {
		t.Error("an empty object has a member")
	}
	for range jsonspan.Value(nil).Items() {
		t.Error("an absent value has an item")
	}
}

func TestBrokenTextGivesAbsentValues(t *testing.T) {
	for _, doc := range []string{``, ` `, `{`, `{"a"`, `{"a":`, `{"a" 1}`, `{"a":}`, `{a:1}`, `{"a`, `{"a\`, `[`, `}`, `<html>`} {
		if got := jsonspan.Get([]byte(doc), "a"); got.Exists() {
			t.Errorf("Get(%q) = %s, want absent", doc, got)
		}
	}
	if got := jsonspan.Get([]byte(`{"x":[[[`+strings.Repeat("[", 100_000)), "a"); got.Exists() {
		t.Errorf("deep nesting gives %s", got)
	}
}

func TestNamesAreComparedByTheirText(t *testing.T) {
	for _, c := range []struct {
		raw, text string
		want      bool
	}{
		{`"a"`, "a", true},
		{`"\u0061"`, "a", true},
		{`"\u0061"`, `\u0061`, false},
		{`"a"`, "b", false},
		{`"a"`, "", false},
		{`""`, "", true},
		{`1`, "1", false},
		{``, "", false},
	} {
		if got := jsonspan.Value(c.raw).Is(c.text); got != c.want {
			t.Errorf("%s.Is(%q) = %v", c.raw, c.text, got)
		}
	}
}

func TestLookUpsAllocateNothing(t *testing.T) {
	doc, sum := []byte(document), 0
	if n := testing.AllocsPerRun(100, func() {
		sum += len(jsonspan.Get(doc, "deep", "a", "b", "c"))
		sum += int(jsonspan.Get(doc, "list", "0").Int())
		for v := range jsonspan.Get(doc, "list").Items() {
			sum += len(v)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got := jsonspan.Get(doc, "name").AppendText(nil); !slices.Equal(got, []byte("A\n\"😀")) {
		t.Errorf("AppendText = %q", got)
	}
}

func BenchmarkGetFromAnEvent(b *testing.B) {
	event := []byte(`{"id":"chatcmpl-9f2","object":"chat.completion.chunk","created":1700000000,"model":"small-1","choices":[{"index":0,"delta":{"content":" hello there"},"finish_reason":null}],"usage":null}`)
	b.ReportAllocs()
	for b.Loop() {
		if !jsonspan.Get(event, "choices", "0", "delta", "content").Exists() {
			b.Fatal("absent")
		}
	}
}
