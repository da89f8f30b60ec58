package guest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

// everything is a plugin that has every op beside those of an attempt, and
// repeats in its answers what it was told.
func everything(observed *[]uint64, closed *[]string) abi.Guest {
	return guest.NativeHooks("all", guest.Hooks{
		Intercept: func(r *guest.Request) guest.Answer {
			return r.Outgoing().HeaderParts("X-Signature", guest.Signer("hmac")).Ready()
		},
		PostAuth: func(r *guest.Request) guest.Answer {
			if r.Field("email") == "" {
				return r.Reject("no address, from " + r.Origin)
			}
			label := r.Field("email")
			return r.Patch(guest.Patch{Label: &label})
		},
		Observe: func(o *guest.Observed) {
			*observed = append(*observed, o.Sequence, o.Dropped, uint64(len(o.Observations)))
		},
	}, guest.Provider{
		Key: "p",
		Refresh: func(r *guest.Request) guest.Answer {
			return r.Post("https://id.example.com", "token").
				Form(guest.Value("refresh_token", guest.Secret("refresh_token"))).
				Consumes("refresh_token").ResumeOnError().
				Exchange("done", guest.Take("/access_token", "access_token"), guest.TakeExpiry("/expires_in", "expires_at"))
		},
		Login: func(r *guest.Request) guest.Answer {
			return r.Prompt(guest.Prompt{Kind: abi.PromptKindPaste, Message: r.Login.SessionID + r.Login.Field("a"), Step: "next"})
		},
		PrepareRequest: func(r *guest.Request) guest.Answer {
			s := r.Outgoing()
			return s.Bearer(s.HeaderValue("x-field")).Ready()
		},
		Cancel: func(r *guest.Request) guest.Answer {
			if r.Step == "" {
				return r.Done()
			}
			return r.Post("https://example.com", r.CancelReason, r.Kept("job")).Pass()
		},
		CloseSession: func(id string, all bool) {
			if all {
				id = "all"
			}
			*closed = append(*closed, id)
		},
		Steps: map[string]func(*guest.Request) guest.Answer{
			"done": func(r *guest.Request) guest.Answer {
				if r.Exchange.Error != "" {
					return r.Fail(guest.Fail{Code: guest.CodeAuthInvalid, Message: r.Exchange.Error})
				}
				return r.Patch(guest.Patch{Set: r.Exchange.Fields})
			},
		},
	})
}

func TestEveryOpReachesItsFunction(t *testing.T) {
	var observed []uint64
	var closed []string
	g := everything(&observed, &closed)
	credential := &abi.Credential{ID: "c", Revision: 7, Fields: []abi.Pair{{Name: "email", Value: "a@b.c"}}}
	outgoing := &abi.Request{Method: "POST", URL: &abi.Url{Base: "base_url"}}
	label := "a@b.c"
	for _, c := range []struct {
		name  string
		op    abi.Op
		input abi.Message
		want  abi.Action
	}{
		{"refresh", abi.OpRefresh, &abi.RefreshInput{Provider: "p", Credential: credential}, abi.Action{Which: abi.ActionIsSend, Send: &abi.Send{
			Request: &abi.Request{
				Method: "POST", URL: &abi.Url{Scheme: "https", Host: "id.example.com", Segments: []abi.Value{{Parts: []abi.Part{guest.Text("token")}}}},
				Headers: []abi.NamedValue{{Name: "Content-Type", Parts: []abi.Part{guest.Text("application/x-www-form-urlencoded")}}},
				Body: []abi.BodyPart{{Which: abi.BodyPartIsForm, Form: &abi.Form{Values: []abi.NamedValue{
					{Name: "refresh_token", Parts: []abi.Part{guest.Secret("refresh_token")}}}}}},
			},
			Deliver: abi.DeliverExchange, OnError: abi.OnErrorResume, Step: "done",
			Exchange: &abi.Exchange{Consumes: []string{"refresh_token"}, Extract: []abi.Extract{
				{Pointer: "/access_token", Field: "access_token", Kind: abi.ExtractKindText},
				{Pointer: "/expires_in", Field: "expires_at", Kind: abi.ExtractKindExpiresIn}}},
		}}},
		{"the step after an exchange", abi.OpResume, &abi.ResumeInput{
			Op: abi.OpRefresh, Step: "done", Attempt: &abi.Attempt{Provider: "p", Credential: credential},
			Which: abi.ResumeInputIsExchange, Exchange: &abi.ExchangeResult{Status: 200, Fields: []abi.Pair{{Name: "email", Value: "n@b.c"}}},
		}, abi.Action{Which: abi.ActionIsPatch, Patch: &abi.Patch{Revision: 7, Set: []abi.Pair{{Name: "email", Value: "n@b.c"}}}}},
		{"login", abi.OpLogin, &abi.LoginInput{Provider: "p", Phase: abi.LoginPhaseStart, SessionID: "s", Fields: []abi.Pair{{Name: "a", Value: "b"}}},
			abi.Action{Which: abi.ActionIsPrompt, Prompt: &abi.Prompt{Kind: abi.PromptKindPaste, Message: "sb", Step: "next"}}},
		{"prepare_request", abi.OpPrepareRequest, &abi.PrepareRequestInput{Provider: "p", Method: "POST", URL: outgoing.URL, Headers: []abi.Pair{{Name: "X-Field", Value: "key"}}},
			abi.Action{Which: abi.ActionIsRequest, Request: &abi.PreparedRequest{Request: &abi.Request{
				Method: "POST", URL: &abi.Url{Base: "base_url"}, Headers: []abi.NamedValue{
					{Name: "X-Field", Parts: []abi.Part{guest.Text("key")}},
					{Name: "Authorization", Parts: []abi.Part{guest.Text("Bearer "), guest.Secret("key")}}},
			}}}},
		{"intercept", abi.OpIntercept, &abi.InterceptInput{Provider: "other", Request: outgoing},
			abi.Action{Which: abi.ActionIsRequest, Request: &abi.PreparedRequest{Request: &abi.Request{
				Method: "POST", URL: &abi.Url{Base: "base_url"}, Headers: []abi.NamedValue{{Name: "X-Signature", Parts: []abi.Part{guest.Signer("hmac")}}},
			}}}},
		{"post_auth", abi.OpPostAuth, &abi.PostAuthInput{Provider: "other", Credential: credential, Origin: "cli"},
			abi.Action{Which: abi.ActionIsPatch, Patch: &abi.Patch{Revision: 7, Label: &label}}},
		{"post_auth that rejects", abi.OpPostAuth, &abi.PostAuthInput{Provider: "other", Origin: "cli"},
			abi.Action{Which: abi.ActionIsReject, Reject: &abi.Reject{Reason: "no address, from cli"}}},
		{"observe", abi.OpObserve, &abi.ObserveInput{Sequence: 3, Dropped: 1, Observations: make([]abi.Observation, 2)}, ok},
		{"cancel", abi.OpCancel, &abi.CancelInput{Attempt: &abi.Attempt{Provider: "p"}}, ok},
		{"cancel of a job", abi.OpCancel, &abi.CancelInput{Attempt: &abi.Attempt{Provider: "p"}, Step: "poll", Reason: "client"},
			abi.Action{Which: abi.ActionIsSend, Send: &abi.Send{Deliver: abi.DeliverPass, Request: &abi.Request{
				Method: "POST", URL: &abi.Url{Scheme: "https", Host: "example.com", Segments: []abi.Value{
					{Parts: []abi.Part{guest.Text("client")}}, {Parts: []abi.Part{guest.Text("")}}}},
			}}}},
		{"close_session", abi.OpCloseSession, &abi.CloseSessionInput{SessionID: "s1"}, ok},
		{"close_session for all", abi.OpCloseSession, &abi.CloseSessionInput{All: true}, ok},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := call(t, g, c.op, c.input)
			if diff := cmp.Diff(c.want, list.Actions[len(list.Actions)-1]); diff != "" {
				t.Error(diff)
			}
		})
	}
	if diff := cmp.Diff([]uint64{3, 1, 2}, observed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"s1", "all"}, closed); diff != "" {
		t.Error(diff)
	}
}

var ok = abi.Action{Which: abi.ActionIsOK, OK: &abi.Ok{}}

func TestAnOpThatThePluginLacksIsUnsupported(t *testing.T) {
	g := guest.Native("p", guest.Provider{Key: "p"})
	for op, input := range map[abi.Op]abi.Message{
		abi.OpRefresh: &abi.RefreshInput{Provider: "p"}, abi.OpLogin: &abi.LoginInput{Provider: "p"},
		abi.OpPrepareRequest: &abi.PrepareRequestInput{Provider: "p"}, abi.OpIntercept: &abi.InterceptInput{},
		abi.OpPostAuth: &abi.PostAuthInput{}, abi.OpObserve: &abi.ObserveInput{},
		abi.OpCancel: &abi.CancelInput{Attempt: &abi.Attempt{Provider: "p"}}, abi.OpCloseSession: &abi.CloseSessionInput{},
	} {
		if list := call(t, g, op, input); list.Actions[0].Which != abi.ActionIsUnsupported {
			t.Errorf("%s is answered with %v", op, list.Actions[0].Which)
		}
	}
}

func TestWhatGrowsIsLeftToTheHost(t *testing.T) {
	g := guest.Native("p", guest.Provider{
		Key: "p",
		Execute: func(r *guest.Request) guest.Answer {
			r.Hold([]byte("first"))
			r.Append("args", []byte("{"))
			r.Flush("args", []byte("<"), []byte(">"))
			r.Drop("args")
			return r.Post("base_url").ClientBody().Unwrap("response").Inspect(2).Step("seen").Pass()
		},
	})
	list := call(t, g, abi.OpExecute, execute("p", "m", abi.KindStream, ""))
	var which []abi.ActionWhich
	for _, a := range list.Actions {
		which = append(which, a.Which)
	}
	if diff := cmp.Diff([]abi.ActionWhich{abi.ActionIsChunks, abi.ActionIsAppend, abi.ActionIsFlush, abi.ActionIsDrop, abi.ActionIsSend}, which); diff != "" {
		t.Fatal(diff)
	}
	if !list.Actions[0].Chunks.Hold {
		t.Error("hold is lost")
	}
	if s := list.Actions[4].Send; s.Unwrap != "response" || s.Inspect != 2 || s.Step != "seen" {
		t.Errorf("the send is %+v", s)
	}
}

// TestWhatATokenRequestIsMadeOf: each way to take a value out of an answer, and
// text in an encoding of the host's.
func TestWhatATokenRequestIsMadeOf(t *testing.T) {
	g := guest.Native("p", guest.Provider{
		Key: "p",
		Refresh: func(r *guest.Request) guest.Answer {
			return r.Post("base_url").
				HeaderParts("Authorization", guest.Text("Basic "), guest.Encoded(abi.EncodingBase64, guest.Text("id:"), guest.ConfigSecret("client_secret"))).
				Exchange("", guest.TakeForm("access_token", "token"), guest.TakeClaim("/id_token", "email", "email"))
		},
	})
	list := call(t, g, abi.OpRefresh, &abi.RefreshInput{Provider: "p"})
	send := list.Actions[0].Send
	if diff := cmp.Diff(&abi.Exchange{Extract: []abi.Extract{
		{FormKey: "access_token", Field: "token", Kind: abi.ExtractKindText},
		{Pointer: "/id_token", Field: "email", Kind: abi.ExtractKindJWTClaim, Claim: "email"},
	}}, send.Exchange); diff != "" {
		t.Error(diff)
	}
	want := []abi.Part{guest.Text("Basic "), {Which: abi.PartIsEncode, Encode: &abi.Encode{
		Encoding: abi.EncodingBase64, Parts: []abi.Part{guest.Text("id:"), guest.ConfigSecret("client_secret")}}}}
	if diff := cmp.Diff(want, send.Request.Headers[0].Parts); diff != "" {
		t.Error(diff)
	}
}
