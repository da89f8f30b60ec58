package driver

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// TestWaysOut: everything but a declared slot and a declared destination is
// refused as the plugin's fault, and nothing reaches the upstream.
func TestWaysOut(t *testing.T) {
	var hits atomic.Int32
	up := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	secretIn := func(parts ...abi.Part) func(*abi.Request) {
		return func(r *abi.Request) { r.Headers[0].Parts = parts }
	}
	config := abi.Part{Which: abi.PartIsSecret, Secret: &abi.SecretRef{Which: abi.SecretRefIsConfig, Config: "x"}}
	for name, change := range map[string]func(r *abi.Request){
		"another header":   func(r *abi.Request) { r.Headers[0].Name = "X-Key" },
		"another secret":   secretIn(append(lit("Bearer "), ref("other"))...),
		"a public field":   secretIn(append(lit("Bearer "), ref("project"))...),
		"an unknown field": secretIn(append(lit("Bearer "), ref("nope"))...),
		"no prefix":        secretIn(ref("api_key")),
		"another prefix":   secretIn(append(lit("bearer "), ref("api_key"))...),
		"a longer prefix":  secretIn(append(lit("Bearer  "), ref("api_key"))...),
		"text behind":      secretIn(append(append(lit("Bearer "), ref("api_key")), lit("x")...)...),
		"two secrets":      secretIn(append(lit("Bearer "), ref("api_key"), ref("api_key"))...),
		"config secret":    secretIn(append(lit("Bearer "), config)...),
		"signer":           secretIn(abi.Part{Which: abi.PartIsSigner, Signer: "s"}),
		"encoding":         secretIn(abi.Part{Which: abi.PartIsEncode, Encode: &abi.Encode{Encoding: abi.EncodingBase64, Parts: []abi.Part{ref("api_key")}}}),
		"query of a POST":  func(r *abi.Request) { r.URL.Query = []abi.NamedValue{{Name: "key", Parts: []abi.Part{ref("api_key")}}} },
		"query of other case": func(r *abi.Request) {
			r.Method, r.URL.Query = "GET", []abi.NamedValue{{Name: "KEY", Parts: []abi.Part{ref("api_key")}}}
		},
		"another segment":     func(r *abi.Request) { r.URL.Segments[0] = abi.Value{Parts: []abi.Part{ref("api_key")}} },
		"another destination": func(r *abi.Request) { r.URL.Base, r.URL.Scheme, r.URL.Host = "", "https", "eu.cloud.example" },
		"undeclared host":     func(r *abi.Request) { r.URL.Base, r.URL.Scheme, r.URL.Host = "", "https", "evil.example" },
		"two labels for one":  func(r *abi.Request) { r.URL.Base, r.URL.Scheme, r.URL.Host = "", "https", "eu.evil.cloud.example" },
		"suffix of a host": func(r *abi.Request) {
			r.URL.Base, r.URL.Scheme, r.URL.Host = "", "https", "eu.cloud.example.evil.example"
		},
		"another scheme":       func(r *abi.Request) { r.URL.Base, r.URL.Scheme, r.URL.Host = "", "http", "eu.cloud.example" },
		"another port":         func(r *abi.Request) { r.URL.Base, r.URL.Scheme, r.URL.Host = "", "https", "eu.cloud.example:444" },
		"user in the host":     func(r *abi.Request) { r.URL.Base, r.URL.Scheme, r.URL.Host = "", "https", "x@eu.cloud.example" },
		"base and host":        func(r *abi.Request) { r.URL.Scheme, r.URL.Host = "https", "eu.cloud.example" },
		"neither":              func(r *abi.Request) { r.URL.Base = "" },
		"another base":         func(r *abi.Request) { r.URL.Base = "api_key" },
		"undeclared method":    func(r *abi.Request) { r.Method = "DELETE" },
		"method in lower case": func(r *abi.Request) { r.Method = "post" },
		"empty segment":        func(r *abi.Request) { r.URL.Segments = segments("a", "") },
		"dot segment":          func(r *abi.Request) { r.URL.Segments = segments("..") },
		"NUL in a segment":     func(r *abi.Request) { r.URL.Segments = segments("a\x00") },
		"Host":                 func(r *abi.Request) { r.Headers[0] = abi.NamedValue{Name: "host", Parts: lit("evil")} },
		"Content-Length":       func(r *abi.Request) { r.Headers[0] = abi.NamedValue{Name: "Content-Length", Parts: lit("1")} },
		"Transfer-Encoding":    func(r *abi.Request) { r.Headers[0] = abi.NamedValue{Name: "transfer-encoding", Parts: lit("x")} },
		"Connection":           func(r *abi.Request) { r.Headers[0] = abi.NamedValue{Name: "Connection", Parts: lit("x-api-key")} },
		"Accept-Encoding":      func(r *abi.Request) { r.Headers[0] = abi.NamedValue{Name: "Accept-Encoding", Parts: lit("br")} },
		"line break in value":  func(r *abi.Request) { r.Headers[0] = abi.NamedValue{Name: "X", Parts: lit("a\r\nY: b")} },
		"line break in name":   func(r *abi.Request) { r.Headers[0] = abi.NamedValue{Name: "X\n", Parts: lit("a")} },
		"form beside a prompt": func(r *abi.Request) {
			r.Body = append(r.Body, abi.BodyPart{Which: abi.BodyPartIsForm, Form: &abi.Form{}})
		},
		"secret in a form": func(r *abi.Request) {
			r.Body[0] = abi.BodyPart{Which: abi.BodyPartIsForm, Form: &abi.Form{Values: []abi.NamedValue{{Name: "key", Parts: []abi.Part{ref("api_key")}}}}}
		},
		"json body that is none": func(r *abi.Request) {
			r.Body[0] = abi.BodyPart{Which: abi.BodyPartIsJSON, JSON: &abi.JsonBody{Template: []byte("{")}}
		},
		"edit that is no JSON": func(r *abi.Request) {
			r.Body[0].ClientBody.Edits = []abi.Edit{{Which: abi.EditIsSet, Path: "a", Set: []byte(`1,"model":"x"`)}}
		},
		"no url": func(r *abi.Request) { r.URL = nil },
	} {
		t.Run(name, func(t *testing.T) {
			r := chat()
			change(r)
			a := credential(up.URL)
			a.Attributes["region"] = "eu"
			a.Metadata["other"] = "other-secret-value"
			e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass, Request: r})...), manifest())
			_, err := e.Execute(t.Context(), a, request(), executor.Options{})
			if !errors.As(err, new(*PluginError)) {
				t.Errorf("error is %T: %v", err, err)
			} else if strings.Contains(err.Error(), testKey) {
				t.Errorf("the error holds the secret: %v", err)
			}
			if n := hits.Load(); n != 0 {
				t.Errorf("%d requests reached the upstream", n)
			}
		})
	}
}

// TestSendsThatAreNotBuilt: a send that asks for more than this build or the
// manifest has is refused by name, before anything is sent.
func TestSendsThatAreNotBuilt(t *testing.T) {
	bare := manifest()
	bare.Capabilities = nil
	narrow := manifest()
	narrow.Provides.Providers[0].Deliver = []string{"events"}
	for _, c := range []struct {
		m    *abi.Manifest
		send abi.Send
		want string
	}{
		{bare, abi.Send{Deliver: abi.DeliverPass}, "capability network"},
		{narrow, abi.Send{Deliver: abi.DeliverPass}, "deliver pass"},
		{manifest(), abi.Send{Deliver: abi.DeliverExchange}, "deliver exchange"},
		{manifest(), abi.Send{Deliver: abi.DeliverPass, Transport: abi.TransportWS}, "TRANSPORT_WS"},
		{manifest(), abi.Send{Deliver: abi.DeliverPass, Unwrap: "x"}, "unwrap"},
		{manifest(), abi.Send{Deliver: abi.DeliverPass, Inspect: 1}, "inspect"},
		{manifest(), abi.Send{Deliver: abi.DeliverPass, Framing: abi.FramingAWSEventStream}, "AWS_EVENT_STREAM"},
		{manifest(), abi.Send{Deliver: abi.DeliverEvents}, "whole answer"},
	} {
		_, err := execute(t, newExecutor(t, always(send(c.send)...), c.m), "http://127.0.0.1:1")
		if !errors.As(err, new(*PluginError)) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.send, err, c.want)
		}
	}
}

// TestDeclaredSlots: each declared slot works, with one encoding of what it
// holds, and text that looks like a reference stays text.
func TestDeclaredSlots(t *testing.T) {
	const key = "a/b c+d?&=é%"
	var uri, auth, body string
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "{}")
		b, _ := io.ReadAll(r.Body)
		uri, auth, body = r.RequestURI, r.Header.Get("Authorization"), string(b)
	})
	run := func(t *testing.T, r *abi.Request) {
		t.Helper()
		a := credential(up.URL)
		a.Metadata["api_key"] = key
		e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass, Request: r})...), manifest())
		if _, err := e.Execute(t.Context(), a, request(), executor.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("path", func(t *testing.T) {
		r := chat()
		r.Headers = nil
		r.URL.Segments = []abi.Value{{Parts: lit("x:y")}, {Parts: []abi.Part{ref("api_key")}}}
		run(t, r)
		if want := "/x:y/a%2Fb%20c+d%3F&=%C3%A9%25"; uri != want {
			t.Errorf("uri %s, want %s", uri, want)
		}
	})
	t.Run("query", func(t *testing.T) {
		r := chat()
		r.Method, r.Headers, r.Body = "GET", nil, nil
		r.URL.Query = []abi.NamedValue{{Name: "a b", Parts: lit("1&2")}, {Name: "key", Parts: []abi.Part{ref("api_key")}}}
		run(t, r)
		if want := "/chat/completions?a+b=1%262&key=a%2Fb+c%2Bd%3F%26%3D%C3%A9%25"; uri != want {
			t.Errorf("uri %s, want %s", uri, want)
		}
	})
	t.Run("header, whose name folds case", func(t *testing.T) {
		r := chat()
		r.Headers[0].Name = "AUTHORIZATION"
		run(t, r)
		if auth != "Bearer "+key {
			t.Errorf("header %q", auth)
		}
	})
	t.Run("a literal stays text", func(t *testing.T) {
		r := chat()
		r.Headers = []abi.NamedValue{{Name: "X-Text", Parts: lit(`{"$secret":"api_key"} ${secret:api_key}`)}}
		r.Body = []abi.BodyPart{{Which: abi.BodyPartIsLiteral, Literal: []byte(`{"$secret":"api_key"} {{api_key}}`)}}
		run(t, r)
		if body != `{"$secret":"api_key"} {{api_key}}` {
			t.Errorf("body %q", body)
		}
	})
}

// TestSecretThatIsMissing: a slot without a value is the credential's fault, so
// that another credential is tried.
func TestSecretThatIsMissing(t *testing.T) {
	e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest())
	for _, v := range []any{nil, "", 7, "key\n"} {
		a := credential("http://127.0.0.1:1")
		a.Metadata["api_key"] = v
		_, err := e.Execute(t.Context(), a, request(), executor.Options{})
		if u := upstreamError(t, err); u.Status != 401 || !u.CredentialScope || !strings.Contains(u.Message, "api_key") {
			t.Errorf("%v: %+v", v, u)
		}
	}
}

// TestRegionHost: a field in a host is one label of it.
func TestRegionHost(t *testing.T) {
	e := newExecutor(t, always(end), manifest())
	for region, want := range map[string]string{"eu-1": "eu-1.cloud.example", "EU": "", "a.b": "", "": "", "-a": "", "x/": ""} {
		a := credential("http://127.0.0.1")
		a.Attributes["region"] = region
		got, err := e.expandHost(a, "{region}.Cloud.example")
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", region, got, err, want)
		}
	}
}

// TestClientHeaders: a guest sees the headers that its manifest names, and
// never one that carries a key.
func TestClientHeaders(t *testing.T) {
	m := manifest()
	m.Provides.Providers[0].ClientHeaders = []string{"x-trace", "authorization", "Cookie", "x-api-key"}
	m.Provides.Providers[0].Body = "bytes"
	g := always(reply("{}"))
	opts := executor.Options{
		Headers: http.Header{"X-Trace": {"1"}, "Authorization": {"Bearer client"}, "Cookie": {"a"}, "X-Api-Key": {"b"}, "X-Other": {"c"}},
		Query:   map[string][]string{"beta": {"1"}, "key": {"client"}},
	}
	if _, err := newExecutor(t, g, m).Execute(t.Context(), credential("http://127.0.0.1"), request(), opts); err != nil {
		t.Fatal(err)
	}
	in := g.calls[0].execute
	if len(in.Headers) != 1 || in.Headers[0].Value != "1" || len(in.Query) != 1 || in.Query[0].Name != "beta" || string(in.Body.Bytes) != string(request().Payload) {
		t.Errorf("input: %+v", in)
	}
}
