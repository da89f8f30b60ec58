package guest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
	"github.com/patchbay-dev/patchbay/sdk-guest/testdata/mapped/provider"
)

const question = `{"model":"parrot","messages":[
	{"role":"system","content":"be \"brief\"\n"},
	{"role":"user","content":[{"type":"text","text":"hel"},{"type":"image_url","image_url":{}},{"type":"text","text":"lo 😀"}]}]}`

// upstream is what the made-up upstream says to question.
var upstream = []string{
	`{"t":"start","id":"p-1"}`,
	`{"t":"word","say":" hello"}`,
	`{"t":"word","say":" \"there\" \u00fc\n"}`,
	`{"t":"unknown"}`,
	`{"t":"word","say":"😀"}`,
	`{"t":"stop","why":"done","in":3,"out":5}`,
}

func mapped() abi.Guest { return guest.Native("mapped", provider.Mapped()) }

func events(lines []string, state []byte, eof abi.Eof) *abi.EventsInput {
	in := &abi.EventsInput{Op: abi.OpExecute, State: state, EOF: eof}
	for _, line := range lines {
		in.Events = append(in.Events, abi.Event{Data: []byte(line)})
	}
	return in
}

func TestARequestIsMapped(t *testing.T) {
	send := last(call(t, mapped(), abi.OpExecute, execute("mapped", "parrot", abi.KindStream, question))).Send
	if send == nil || send.Deliver != abi.DeliverEvents || send.OnError != abi.OnErrorClassify {
		t.Fatalf("send is %+v", send)
	}
	const want = `{"model":"parrot","turns":[{"who":"system","say":"be \"brief\"\n"},{"who":"user","say":"hello 😀"}],"live":true}`
	if got := string(send.Request.Body[0].Literal); got != want {
		t.Errorf("body is %s, want %s", got, want)
	}
}

func TestAStreamIsMapped(t *testing.T) {
	g := mapped()
	state := call(t, g, abi.OpExecute, execute("mapped", "parrot", abi.KindStream, question)).State
	list := call(t, g, abi.OpEvents, events(upstream, state, abi.EOFNone))
	var text strings.Builder
	var finish string
	for _, payload := range payloads(list) {
		var chunk struct {
			ID, Object, Model string
			Choices           []struct {
				Delta  struct{ Role, Content string }
				Finish *string `json:"finish_reason"`
			}
		}
		if err := json.Unmarshal([]byte(payload), &chunk); err != nil {
			t.Fatalf("%s: %v", payload, err)
		}
		if chunk.ID != "chatcmpl-a1" || chunk.Object != "chat.completion.chunk" || chunk.Model != "parrot" {
			t.Errorf("head of %s", payload)
		}
		text.WriteString(chunk.Choices[0].Delta.Content)
		if chunk.Choices[0].Finish != nil {
			finish = *chunk.Choices[0].Finish
		}
	}
	if got, want := text.String(), " hello \"there\" ü\n😀"; got != want || finish != "stop" {
		t.Errorf("text is %q, finish %q", got, finish)
	}
	usage := list.Actions[len(list.Actions)-2]
	if diff := cmp.Diff(&abi.Usage{InputTokens: 3, OutputTokens: 5}, usage.Usage); diff != "" {
		t.Error(diff)
	}
	if last(list).Which != abi.ActionIsEnd {
		t.Errorf("action is %s", last(list).Which)
	}
}

// TestBatchesMakeNoDifference cuts the stream in every way.
func TestBatchesMakeNoDifference(t *testing.T) {
	g := mapped()
	start := call(t, g, abi.OpExecute, execute("mapped", "parrot", abi.KindStream, question)).State
	want := payloads(call(t, g, abi.OpEvents, events(upstream, start, abi.EOFNone)))
	for cuts := range 1 << (len(upstream) - 1) {
		var got []string
		state, from := start, 0
		for i := range upstream {
			if i < len(upstream)-1 && cuts>>i&1 == 0 {
				continue
			}
			list := call(t, g, abi.OpEvents, events(upstream[from:i+1], state, abi.EOFNone))
			got = append(got, payloads(list)...)
			if list.State != nil {
				state = list.State
			}
			from = i + 1
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("cuts %b: %s", cuts, diff)
		}
	}
}

func TestAStreamThatIsNotCompleteFails(t *testing.T) {
	g := mapped()
	for _, eof := range []abi.Eof{abi.EOFClean, abi.EOFReset, abi.EOFIdle} {
		wantFail(t, call(t, g, abi.OpEvents, events(upstream[:2], nil, eof)), guest.CodeStreamBroken)
	}
	f := wantFail(t, call(t, g, abi.OpEvents, events([]string{`{"t":"error","kind":"busy","text":"later"}`}, nil, abi.EOFNone)), guest.CodeOverloaded)
	if f.Message != "later" || !f.Retryable {
		t.Errorf("fail is %+v", f)
	}
}

func TestAnErrorIsClassified(t *testing.T) {
	g := mapped()
	for body, want := range map[string]abi.Fail{
		`{"fault":{"kind":"key","text":"no"}}`:                {Code: guest.CodeAuthInvalid, Message: "no", Scope: abi.ScopeCredential, Retryable: true, HTTPStatus: 418},
		`{"fault":{"kind":"quota","text":"wait","wait_s":7}}`: {Code: guest.CodeRateLimited, Message: "wait", Scope: abi.ScopeCredential, Retryable: true, RetryAfterMS: 7000, HTTPStatus: 418},
		`{"fault":{"kind":"input","text":"?"}}`:               {Code: guest.CodeBadRequest, Message: "?", Scope: abi.ScopeRequest, HTTPStatus: 418},
		`{"fault":{"kind":"long","text":"!"}}`:                {Code: guest.CodeContextLength, Message: "!", Scope: abi.ScopeRequest, HTTPStatus: 418},
		`{"fault":{"kind":"new","wait_s":-1}}`:                {Code: guest.CodeTransient, Scope: abi.ScopeModel, Retryable: true, HTTPStatus: 418},
		`<html>`:                                              {Code: guest.CodeBadRequest, Message: "the upstream answered with status 418", Scope: abi.ScopeRequest, HTTPStatus: 418},
	} {
		list := call(t, g, abi.OpClassify, &abi.ClassifyInput{
			Op: abi.OpExecute, Attempt: attempt("mapped", "parrot", abi.KindStream),
			Response: &abi.Response{Status: 418, Body: []byte(body)},
		})
		if diff := cmp.Diff(&want, last(list).Fail); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
}

// TestSubmitAndPoll follows a job through four calls, each of them in a guest
// of its own.
func TestSubmitAndPoll(t *testing.T) {
	for _, kind := range []abi.Kind{abi.KindExecute, abi.KindStream} {
		var state []byte
		step := func(op abi.Op, in abi.Message) abi.Action {
			list := call(t, mapped(), op, in)
			if list.State != nil {
				state = list.State
			}
			if kind == abi.KindStream && len(payloads(list)) > 0 {
				return abi.Action{Which: abi.ActionIsReply, Reply: &abi.Reply{Body: []byte(strings.Join(payloads(list), "\n"))}}
			}
			return last(list)
		}
		resume := func(label string, r *abi.Response) *abi.ResumeInput {
			in := &abi.ResumeInput{Op: abi.OpExecute, Step: label, State: state, Attempt: attempt("mapped", "slow", kind)}
			if in.Which, in.Response = abi.ResumeInputIsResponse, r; r == nil {
				in.Which, in.SleptMS = abi.ResumeInputIsSleptMS, 100
			}
			return in
		}
		answer := func(body string) *abi.Response { return &abi.Response{Status: 200, Body: []byte(body)} }

		send := step(abi.OpExecute, execute("mapped", "slow", kind, question)).Send
		sleep := step(abi.OpResume, resume(send.Step, answer(`{"job":"j/1"}`))).Sleep
		for range 2 {
			send = step(abi.OpResume, resume(sleep.Step, nil)).Send
			if got := send.Request.URL.Segments[1].Parts[0].Literal; got != "j/1" {
				t.Fatalf("polls for %q", got)
			}
			sleep = step(abi.OpResume, resume(send.Step, answer(`{"state":"running"}`))).Sleep
		}
		send = step(abi.OpResume, resume(sleep.Step, nil)).Send
		reply := step(abi.OpResume, resume(send.Step, answer(`{"state":"done","say":"at last","in":1,"out":2}`))).Reply
		if reply == nil || !strings.Contains(string(reply.Body), `"content":"at last"`) {
			t.Errorf("%s: reply is %+v", kind, reply)
		}
		failed := step(abi.OpResume, resume(send.Step, answer(`{"state":"failed","text":"burnt"}`))).Fail
		if failed == nil || !failed.Committed || failed.Message != "burnt" {
			t.Errorf("%s: fail is %+v", kind, failed)
		}
	}
}

func TestAWholeAnswerIsMapped(t *testing.T) {
	g := mapped()
	list := call(t, g, abi.OpExecute, execute("mapped", "parrot", abi.KindExecute, question))
	in := &abi.ResumeInput{
		Op: abi.OpExecute, Step: last(list).Send.Step, State: list.State, Attempt: attempt("mapped", "parrot", abi.KindExecute),
		Which: abi.ResumeInputIsResponse, Response: &abi.Response{Status: 200, Body: []byte(`{"say":"hi \"you\"","why":"long","in":3,"out":4}`)},
	}
	const want = `{"id":"chatcmpl-a1","object":"chat.completion","created":0,"model":"parrot","choices":[{"index":0,` +
		`"message":{"role":"assistant","content":"hi \"you\""},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`
	if got := string(last(call(t, g, abi.OpResume, in)).Reply.Body); got != want {
		t.Errorf("reply is %s, want %s", got, want)
	}
}

func TestFailUpstreamGoesByTheStatus(t *testing.T) {
	g := mapped()
	resume := func(which abi.ResumeInputWhich, r *abi.Response, f *abi.Fail) *abi.Fail {
		list := call(t, g, abi.OpResume, &abi.ResumeInput{
			Op: abi.OpModels, Step: "voices", Attempt: attempt("mapped", "", 0), Which: which, Response: r, Failure: f,
		})
		if last(list).Which != abi.ActionIsFail {
			t.Fatalf("action is %s", last(list).Which)
		}
		return last(list).Fail
	}
	for status, want := range map[uint32]string{
		302: guest.CodeTransient, 400: guest.CodeBadRequest, 401: guest.CodeAuthInvalid, 402: guest.CodeBilling,
		403: guest.CodeAuthInvalid, 404: guest.CodeModelNotFound, 408: guest.CodeTransient, 413: guest.CodeBadRequest,
		429: guest.CodeRateLimited, 500: guest.CodeTransient, 503: guest.CodeOverloaded, 529: guest.CodeOverloaded,
	} {
		if f := resume(abi.ResumeInputIsResponse, &abi.Response{Status: status}, nil); f.Code != want {
			t.Errorf("status %d: code is %s, want %s", status, f.Code, want)
		}
	}
	f := resume(abi.ResumeInputIsResponse, &abi.Response{
		Status: 429, Headers: []abi.Pair{{Name: "retry-after", Value: "2"}}, Body: []byte(`{"error":{"message":"slow down"}}`)}, nil)
	if f.RetryAfterMS != 2000 || f.Message != "slow down" || f.HTTPStatus != 429 || !f.Retryable {
		t.Errorf("fail is %+v", f)
	}
	f = resume(abi.ResumeInputIsResponse, &abi.Response{Status: 429, Headers: []abi.Pair{{Name: "Retry-After-Ms", Value: "1500"}, {Name: "Retry-After", Value: "9"}}}, nil)
	if f.RetryAfterMS != 1500 {
		t.Errorf("fail is %+v", f)
	}
	f = resume(abi.ResumeInputIsResponse, &abi.Response{Status: 400, Body: fmt.Appendf(nil, `{"message":%q}`, strings.Repeat("ü", 2000))}, nil)
	if len(f.Message) != 1024 {
		t.Errorf("message has %d bytes", len(f.Message))
	}
	given := &abi.Fail{Code: "transient", Message: "no route", Scope: abi.ScopeCredential}
	if diff := cmp.Diff(given, resume(abi.ResumeInputIsFailure, nil, given)); diff != "" {
		t.Error(diff)
	}
}

func TestModelsAreListed(t *testing.T) {
	g := mapped()
	send := last(call(t, g, abi.OpModels, &abi.ModelsInput{Provider: "mapped"})).Send
	list := call(t, g, abi.OpResume, &abi.ResumeInput{
		Op: abi.OpModels, Step: send.Step, Attempt: attempt("mapped", "", 0),
		Which: abi.ResumeInputIsResponse, Response: &abi.Response{Status: 200, Body: []byte(`{"voices":[{"name":"parrot"},{"name":"slow"}]}`)},
	})
	if diff := cmp.Diff([]abi.Model{{ID: "parrot"}, {ID: "slow"}}, last(list).Models.Models); diff != "" {
		t.Error(diff)
	}
}
