package driver

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
)

// fuzzAttempt is an attempt that sends nothing.
func fuzzAttempt(t testing.TB) *attempt {
	t.Helper()
	m := cloudManifest()
	e, err := New(always(end), m, m.Provides.Providers[0], Options{Door: &recordingDoor{}, ConfigSecret: func(string) string { return clientSecret }})
	if err != nil {
		t.Fatal(err)
	}
	a := oauthCredential("http://127.0.0.1:9/base")
	a.Metadata["hmac_key"], a.Attributes["region"] = "hmac-key-0123456789", "eu"
	at, err := e.newAttempt(t.Context(), a, abi.OpRefresh, abi.KindUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(at.release)
	return at
}

// FuzzParts holds that whatever a request is made of, a secret stands in its
// slots only: each of those that are in the bytes is one that the request is
// known to carry, and the destination is a declared one.
func FuzzParts(f *testing.F) {
	requests := []*abi.Request{chat(), refreshSend(rotating(), 0)[0].Send.Request}
	signed := chat()
	signed.Headers = []abi.NamedValue{{Name: "X-Signature", Parts: append(lit("v1="), signer("body"))}}
	nested := chat()
	nested.Headers = []abi.NamedValue{{Name: "X", Parts: []abi.Part{{Which: abi.PartIsEncode, Encode: &abi.Encode{
		Encoding: abi.EncodingHex, Parts: []abi.Part{{Which: abi.PartIsEncode, Encode: &abi.Encode{Encoding: abi.EncodingJSON, Parts: lit("a\"b")}}},
	}}}}}
	text := chat()
	text.Body = []abi.BodyPart{{Which: abi.BodyPartIsJSON, JSON: &abi.JsonBody{
		Template: []byte(`{"grant":{},"l":[1]}`), Values: []abi.NamedValue{{Name: "/grant/refresh_token", Parts: []abi.Part{ref("refresh_token")}}, {Name: "/l/0", Parts: lit("x")}},
	}}}
	for _, r := range append(requests, signed, nested, text) {
		for _, token := range []bool{false, true} {
			f.Add(abi.AppendMessage(nil, &abi.ActionList{Actions: send(abi.Send{Deliver: abi.DeliverPass, Request: r})}), token)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, token bool) {
		var list abi.ActionList
		if abi.DecodeStrict(raw, &list) != nil || len(list.Actions) == 0 || list.Actions[0].Which != abi.ActionIsSend {
			return
		}
		at := fuzzAttempt(t)
		o, err := at.assemble(list.Actions[0].Send.Request, &outgoing{header: http.Header{}, token: token})
		if err != nil {
			for _, s := range []string{testKey, oldRefresh, clientSecret} {
				if strings.Contains(err.Error(), s) {
					t.Fatalf("the error holds a secret: %v", err)
				}
			}
			return
		}
		all := o.url.EscapedPath() + o.url.RawQuery + string(o.body)
		for name, values := range o.header {
			all += name + strings.Join(values, "")
		}
		for name, s := range map[string]string{"api_key": testKey, "refresh_token": oldRefresh, "config:client_secret": clientSecret} {
			if strings.Contains(all, s) && !slices.Contains(o.carries, name) && !strings.Contains(string(raw), s) {
				t.Fatalf("%s is in the request, which does not know of it", name)
			}
			if slices.Contains(o.carries, name) && !token && name != "api_key" && name != "config:client_secret" {
				t.Fatalf("%s is in a request that is no token request", name)
			}
		}
		if o.url.Host != "127.0.0.1:9" && o.url.Host != "eu.cloud.example" {
			t.Fatalf("sent to %s", o.url.Host)
		}
	})
}

// FuzzExtract holds that whatever a token server answers, what a guest sees of
// it holds no token that came under the name of one.
func FuzzExtract(f *testing.F) {
	for _, body := range []string{
		`{"access_token":"` + newAccess + `","expires_in":3600,"email":"a@b"}`, `{"access_token":"x12345678","email":"x12345678"}`,
		`access_token=abcdefgh&email=x`, `{"id_token":"` + idToken + `"}`, `{"error":{"code":"c","message":"m"}}`, `[]`, `{"expires_in":1e400}`, `{"expires_in":"NaN"}`,
		`{"error":"` + oldRefresh + `"}`,
	} {
		f.Add([]byte(body), "application/json")
		f.Add([]byte(body), contentTypeForm)
	}
	rules := append([]abi.Extract{
		{Pointer: "/email", Field: "email", Kind: abi.ExtractKindText}, {FormKey: "project", Field: "project", Kind: abi.ExtractKindText},
		{Pointer: "/id_token", Claim: "email", Field: "email", Kind: abi.ExtractKindJWTClaim},
	}, tokenRules...)
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		at := fuzzAttempt(t)
		doc := parseTokens(http.Header{"Content-Type": {kind}}, body)
		result := &abi.ExchangeResult{}
		at.refusedTokens(result, doc)
		seen := result.Error + "\n" + result.ErrorDescription
		if len(result.Error) > maxTokenError || len(result.ErrorDescription) > maxTokenError || strings.Contains(seen, oldRefresh) {
			t.Fatalf("the guest sees %q", seen)
		}
		at.keep(at.extract(rules, doc))
		text, err := json.Marshal(at.info.Credential)
		if err != nil {
			t.Fatal(err)
		}
		top, _ := doc.(map[string]any)
		// A token of nothing but letters and digits stands in JSON as it is.
		if token, _ := top["access_token"].(string); len(token) >= minSecret && isToken(token) && strings.Contains(fieldsText(at.info.Credential), token) {
			t.Fatalf("the guest sees the token: %s", text)
		}
		if at.auth.Metadata["api_key"] != testKey || at.auth.Attributes["base_url"] != "http://127.0.0.1:9/base" {
			t.Fatal("the answer changed what is not its own")
		}
	})
}

// fieldsText are the values that an answer may have set.
func fieldsText(c *abi.Credential) string {
	var b strings.Builder
	for _, p := range c.Fields {
		if p.Name == "email" || p.Name == "project" {
			b.WriteString(p.Value + "\n")
		}
	}
	return b.String()
}
