package guest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

// sent returns what a provider with this execute sends.
func sent(t *testing.T, do func(*guest.Request) guest.Answer) *abi.Send {
	t.Helper()
	g := guest.Native("p", guest.Provider{Key: "p", Execute: do})
	a := last(call(t, g, abi.OpExecute, execute("p", "m", abi.KindStream, "{}")))
	if a.Which != abi.ActionIsSend {
		t.Fatalf("action is %s, want send", a.Which)
	}
	return a.Send
}

func literal(s string) abi.Part { return abi.Part{Which: abi.PartIsLiteral, Literal: s} }

func secret(s string) abi.Part {
	return abi.Part{Which: abi.PartIsSecret, Secret: &abi.SecretRef{Which: abi.SecretRefIsCredential, Credential: s}}
}

var asJSON = abi.NamedValue{Name: "Content-Type", Parts: []abi.Part{literal("application/json")}}

func TestAPassedRequest(t *testing.T) {
	got := sent(t, func(r *guest.Request) guest.Answer {
		return r.Post("base_url", "chat", "completions").Bearer("key").
			ClientBody(guest.Set("stream_options.include_usage", "true"), guest.Delete("user")).Pass()
	})
	want := &abi.Send{
		Deliver: abi.DeliverPass,
		Request: &abi.Request{
			Method: "POST",
			URL: &abi.Url{Base: "base_url", Segments: []abi.Value{
				{Parts: []abi.Part{literal("chat")}}, {Parts: []abi.Part{literal("completions")}}}},
			Headers: []abi.NamedValue{{Name: "Authorization", Parts: []abi.Part{literal("Bearer "), secret("key")}}, asJSON},
			Body: []abi.BodyPart{{Which: abi.BodyPartIsClientBody, ClientBody: &abi.ClientBody{Edits: []abi.Edit{
				{Which: abi.EditIsSet, Path: "stream_options.include_usage", Set: []byte("true")},
				{Which: abi.EditIsDelete, Path: "user", Delete: true},
			}}}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestARequestWithEverything(t *testing.T) {
	got := sent(t, func(r *guest.Request) guest.Answer {
		return r.Request("PUT", "https://api.example.com:8443", "v1").Segment(guest.Text("m-"), guest.Secret("id")).
			Query("a", "b").QueryParts("key", guest.ConfigSecret("key")).Header("X-A", "b").
			JSON([]byte(`{"x":1}`)).Classify().Idle(1500 * time.Millisecond).MaxBytes(10).NDJSON().Step("s").Events()
	})
	want := &abi.Send{
		Deliver: abi.DeliverEvents, OnError: abi.OnErrorClassify, IdleMS: 1500, MaxBytes: 10, Framing: abi.FramingNDJSON, Step: "s",
		Request: &abi.Request{
			Method: "PUT",
			URL: &abi.Url{Scheme: "https", Host: "api.example.com:8443",
				Segments: []abi.Value{{Parts: []abi.Part{literal("v1")}}, {Parts: []abi.Part{literal("m-"), secret("id")}}},
				Query: []abi.NamedValue{{Name: "a", Parts: []abi.Part{literal("b")}}, {Name: "key", Parts: []abi.Part{
					{Which: abi.PartIsSecret, Secret: &abi.SecretRef{Which: abi.SecretRefIsConfig, Config: "key"}}}}},
			},
			Headers: []abi.NamedValue{{Name: "X-A", Parts: []abi.Part{literal("b")}}, asJSON},
			Body:    []abi.BodyPart{{Which: abi.BodyPartIsLiteral, Literal: []byte(`{"x":1}`)}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAWholeAnswerNamesItsStep(t *testing.T) {
	got := sent(t, func(r *guest.Request) guest.Answer {
		return r.Get("base_url", "jobs").ResumeOnError().SSE().Whole("job")
	})
	if got.Deliver != abi.DeliverWhole || got.Step != "job" || got.OnError != abi.OnErrorResume || got.Framing != abi.FramingSSE || got.Request.Method != "GET" {
		t.Errorf("send is %+v", got)
	}
}

func TestAReferenceInTextStaysText(t *testing.T) {
	const text = `{{secret:key}} ${key}`
	got := sent(t, func(r *guest.Request) guest.Answer {
		return r.Get("base_url", text).Header("X-A", text).Query("q", text).Pass()
	})
	for _, part := range []abi.Part{got.Request.URL.Segments[0].Parts[0], got.Request.Headers[0].Parts[0], got.Request.URL.Query[0].Parts[0]} {
		if diff := cmp.Diff(literal(text), part); diff != "" {
			t.Error(diff)
		}
	}
}
