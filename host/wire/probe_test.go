package wire

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestProbe(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       Probed
		param      string // of the error
		message    string // a part of it; empty when there is none
	}{
		{name: "plain", body: `{"model":"m","messages":[]}`, want: Probed{Model: "m"}},
		{name: "stream", body: ` {"stream" : true , "model" : "a/b" } `, want: Probed{Model: "a/b", Stream: true}},
		{name: "stream null", body: `{"stream":null,"model":"m"}`, want: Probed{Model: "m"}},
		{name: "escaped name and value", body: `{"mod\u0065l":"\u006d😀"}`, want: Probed{Model: "m😀"}},
		{name: "nested names do not count", body: `{"x":{"model":"a","stream":true},"model":"m"}`, want: Probed{Model: "m"}},
		{name: "big number", body: `{"model":"m","n":1e308,"k":-0.1E+9}`, want: Probed{Model: "m"}},
		{name: "depth that is allowed", body: `{"model":"m","x":` + strings.Repeat("[", 999) + strings.Repeat("]", 999) + `}`, want: Probed{Model: "m"}},
		{name: "too deep", body: `{"model":"m","x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, message: "deeper than 1000"},
		{name: "very deep", body: strings.Repeat(`{"a":`, 1_000_000), message: "deeper than 1000"},
		{name: "empty", body: " ", message: "empty"},
		{name: "array", body: `[{"model":"m"}]`, message: "must be a JSON object"},
		{name: "text", body: `model`, message: "must be a JSON object"},
		{name: "bom", body: "\xef\xbb\xbf{\"model\":\"m\"}", message: "must be a JSON object"},
		{name: "not utf-8", body: "{\"model\":\"m\",\"x\":\"\xff\"}", message: "UTF-8"},
		{name: "no model", body: `{}`, param: "model", message: "provide a model"},
		{name: "empty model", body: `{"model":""}`, param: "model", message: "provide a model"},
		{name: "model is a number", body: `{"model":1}`, param: "model", message: "string"},
		{name: "model twice", body: `{"model":"a","model":"b"}`, param: "model", message: "twice"},
		{name: "model twice, escaped", body: `{"model":"a","\u006dodel":"b"}`, param: "model", message: "twice"},
		{name: "model in another case", body: `{"model":"a","Model":"b"}`, param: "model", message: "another spelling"},
		{name: "stream twice", body: `{"model":"a","stream":false,"stream":true}`, param: "stream", message: "twice"},
		{name: "stream with a long s", body: `{"model":"a","ſtream":true}`, param: "stream", message: "another spelling"},
		{name: "stream is text", body: `{"model":"a","stream":"true"}`, param: "stream", message: "true or false"},
		{name: "line break in model", body: `{"model":"a\r\nX: y"}`, param: "model", message: "character"},
		{name: "NUL in model", body: `{"model":"a\u0000"}`, param: "model", message: "character"},
		{name: "half a character", body: `{"model":"a\ud800"}`, param: "model", message: "character"},
		{name: "path in model", body: `{"model":"a/../b"}`, param: "model", message: "path segment"},
		{name: "long model", body: `{"model":"` + strings.Repeat("a", 513) + `"}`, param: "model", message: "longer than 512"},
		{name: "text behind", body: `{"model":"m"} {}`, message: "after the object"},
		{name: "cut", body: `{"model":"m"`, message: "does not end"},
		{name: "trailing comma", body: `{"model":"m",}`, message: "without a name"},
		{name: "control character", body: "{\"model\":\"a\nb\"}", message: "control character"},
		{name: "bad escape", body: `{"model":"a\x"}`, message: "bad escape"},
		{name: "bad number", body: `{"n":01}`, message: "not valid JSON"},
		{name: "NaN", body: `{"n":NaN}`, message: "not valid JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Probe(OpenAIChat, []byte(c.body))
			if c.message == "" {
				if err != nil || got != c.want {
					t.Errorf("%+v, %v; want %+v", got, err, c.want)
				}
				return
			}
			var p *ProbeError
			if !errors.As(err, &p) || p.Param != c.param || !strings.Contains(p.Message, c.message) {
				t.Errorf("error %+v, want %q about %q", err, c.message, c.param)
			}
		})
	}
}

func TestSetModel(t *testing.T) {
	for _, c := range []struct{ body, model, want string }{
		{`{"model":"a","x": 1.50}`, "b", `{"model":"b","x": 1.50}`},
		{" { \"x\" : [ 1 ],\n \"model\" : \"a\" }\n", "b\"c", " { \"x\" : [ 1 ],\n \"model\" : \"b\\\"c\" }\n"},
		{`{"mod\u0065l":"a"}`, "b", `{"mod\u0065l":"b"}`},
		{`{"x":{"model":"a"},"model":"a"}`, "b", `{"x":{"model":"a"},"model":"b"}`},
		{`{}`, "b", `{"model":"b"}`},
		{`{"x":1}`, "b", `{"model":"b","x":1}`},
		{`{"model":7}`, "b", `{"model":"b"}`},
	} {
		body := []byte(c.body)
		got, err := SetModel(OpenAIChat, body, c.model)
		if err != nil || string(got) != c.want || string(body) != c.body {
			t.Errorf("%s: %s, %v; want %s", c.body, got, err, c.want)
		}
	}
	same := []byte(`{"model":"\u0061"}`)
	if got, err := SetModel(OpenAIChat, same, "a"); err != nil || &got[0] != &same[0] {
		t.Errorf("the right model was written again: %s, %v", got, err)
	}
	if _, err := SetModel(OpenAIChat, []byte(`{"model":"a","model":"b"}`), "c"); err == nil {
		t.Error("a body with two models was edited")
	}
}

// FuzzProbe holds that what is taken is JSON for others too, with the model
// that they read, and that SetModel changes nothing else.
func FuzzProbe(f *testing.F) {
	for _, body := range []string{
		`{"model":"m","stream":true}`, `{"a":[1,2,{"b":null}],"model":"x\u00e9"}`, `{"model":"a","Model":"b"}`, `{"n":-0.5e+3,"model":"m"}`, "{}", `{"model":"\ud83d\ude00"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := Probe(OpenAIChat, body)
		if err != nil {
			if json.Valid(body) != (scanError(body) == nil) && !strings.Contains(err.Error(), "UTF-8") &&
				!strings.Contains(err.Error(), "object") && !strings.Contains(err.Error(), "deeper") && !strings.Contains(err.Error(), "twice") {
				t.Fatalf("%q: %v, and json.Valid says %v", body, err, json.Valid(body))
			}
			return
		}
		var read struct {
			Model  string `json:"model"`
			Stream *bool  `json:"stream"`
		}
		if err := json.Unmarshal(body, &read); err != nil {
			t.Fatalf("%q was taken and is no JSON: %v", body, err)
		}
		if read.Model != p.Model || (read.Stream != nil && *read.Stream) != p.Stream {
			t.Fatalf("%q: %+v, and others read %+v", body, p, read)
		}
		out, err := SetModel(OpenAIChat, body, "other")
		if err != nil {
			t.Fatal(err)
		}
		again, err := Probe(OpenAIChat, out)
		if err != nil || again.Model != "other" || again.Stream != p.Stream {
			t.Fatalf("%q became %q: %+v, %v", body, out, again, err)
		}
		back, err := SetModel(OpenAIChat, out, p.Model)
		if err != nil || len(back) > len(body)+6*len(p.Model) {
			t.Fatalf("%q became %q: %v", body, back, err)
		}
	})
}

func scanError(body []byte) error {
	_, err := scanBody(body)
	return err
}

func BenchmarkProbe(b *testing.B) {
	body := []byte(`{"messages":[{"role":"user","content":"` + strings.Repeat("hello world ", 8<<10) + `"}],"model":"m","stream":true}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Probe(OpenAIChat, body); err != nil {
			b.Fatal(err)
		}
	}
}
