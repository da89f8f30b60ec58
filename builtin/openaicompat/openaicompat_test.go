package openaicompat_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/builtin/openaicompat"
	"github.com/patchbay-dev/patchbay/plugins"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

func run(t *testing.T, op abi.Op, in abi.Message) abi.Action {
	t.Helper()
	g := guest.Native("openai-compatible", openaicompat.Provider())
	out, err := g.Call(t.Context(), op, abi.AppendMessage(nil, in), nil)
	if err != nil {
		t.Fatal(err)
	}
	var list abi.ActionList
	if err := abi.DecodeStrict(out, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Actions) != 1 {
		t.Fatalf("%d actions", len(list.Actions))
	}
	return list.Actions[0]
}

func literal(s string) []abi.Part { return []abi.Part{{Which: abi.PartIsLiteral, Literal: s}} }

var bearer = abi.NamedValue{Name: "Authorization", Parts: append(literal("Bearer "),
	abi.Part{Which: abi.PartIsSecret, Secret: &abi.SecretRef{Which: abi.SecretRefIsCredential, Credential: "api_key"}})}

func TestAnAttemptPassesThrough(t *testing.T) {
	want := &abi.Send{
		Deliver: abi.DeliverPass,
		Request: &abi.Request{
			Method:  "POST",
			URL:     &abi.Url{Base: "base_url", Segments: []abi.Value{{Parts: literal("chat")}, {Parts: literal("completions")}}},
			Headers: []abi.NamedValue{bearer, {Name: "Content-Type", Parts: literal("application/json")}},
			Body:    []abi.BodyPart{{Which: abi.BodyPartIsClientBody, ClientBody: &abi.ClientBody{}}},
		},
	}
	for _, kind := range []abi.Kind{abi.KindExecute, abi.KindStream} {
		got := run(t, abi.OpExecute, &abi.ExecuteInput{
			Attempt: &abi.Attempt{Provider: "openai-compatible", Kind: kind, Model: "small"}, Body: &abi.BodyHandle{Size: 10},
		})
		if diff := cmp.Diff(want, got.Send); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
}

func TestModelsComeFromTheUpstream(t *testing.T) {
	send := run(t, abi.OpModels, &abi.ModelsInput{Provider: "openai-compatible"}).Send
	want := &abi.Send{
		Deliver: abi.DeliverWhole,
		Step:    send.Step,
		Request: &abi.Request{
			Method:  "GET",
			URL:     &abi.Url{Base: "base_url", Segments: []abi.Value{{Parts: literal("models")}}},
			Headers: []abi.NamedValue{bearer},
		},
	}
	if diff := cmp.Diff(want, send); diff != "" {
		t.Error(diff)
	}
	answer := func(status uint32, body string) abi.Action {
		return run(t, abi.OpResume, &abi.ResumeInput{
			Op: abi.OpModels, Step: send.Step, Attempt: &abi.Attempt{Provider: "openai-compatible"},
			Which: abi.ResumeInputIsResponse, Response: &abi.Response{Status: status, Body: []byte(body)},
		})
	}
	got := answer(200, `{"object":"list","data":[{"id":"small","created":1700000000,"owned_by":"ex\u0061mple"},{"object":"model"},{"id":"large"}]}`)
	models := []abi.Model{{ID: "small", Created: 1700000000, OwnedBy: "example"}, {ID: "large"}}
	if diff := cmp.Diff(models, got.Models.Models); diff != "" {
		t.Error(diff)
	}
	// One odd name once cost the whole list: the host holds a guest to the letter,
	// but the names are the upstream's.
	odd := answer(200, `{"data":[{"id":"a\nb"},{"id":"\u007f"},{"id":"`+strings.Repeat("x", abi.MaxModelName+1)+`"},{"id":5},{"id":"small"},{"id":"`+"\xff"+`"}]}`)
	if diff := cmp.Diff([]abi.Model{{ID: "small"}}, odd.Models.Models[:1]); diff != "" || len(odd.Models.Models) > 2 {
		t.Error(diff, odd.Models.Models)
	}
	long := answer(200, `{"data":[`+strings.Repeat(`{"id":"m"},`, abi.MaxModels+5)+`{"id":"n"}]}`)
	if len(long.Models.Models) != abi.MaxModels {
		t.Errorf("%d models of a list that is too long", len(long.Models.Models))
	}
	if got := answer(200, `{"data":[]}`); got.Which != abi.ActionIsModels || len(got.Models.Models) != 0 {
		t.Errorf("an empty list gives %s", got.Which)
	}
	for body, status := range map[string]uint32{`<html>`: 200, `{"models":[]}`: 200, `{"error":{"message":"no"}}`: 401} {
		if got := answer(status, body); got.Which != abi.ActionIsFail {
			t.Errorf("%d %s gives %s", status, body, got.Which)
		}
	}
}

// TestTheManifestIsThatOfTheExample holds the linked-in provider to the same
// slots and destinations as the module.
func TestTheManifestIsThatOfTheExample(t *testing.T) {
	example, err := os.ReadFile("../../examples/openai-compatible/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(example, openaicompat.Manifest) {
		t.Error("it differs from examples/openai-compatible/manifest.json")
	}
	if _, err := plugins.ParseManifest(openaicompat.Manifest); err != nil {
		t.Error(err)
	}
}
