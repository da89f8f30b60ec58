package conformance

import (
	"maps"
	"slices"

	"github.com/patchbay-dev/patchbay/abi"
)

// bodies are requests of clients, by format; other formats get the first.
var bodies = map[string][]string{
	"openai-chat": {
		`{"model":"m","messages":[{"role":"user","content":"say hello, then a 🙂"}]}`,
		`{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"system","content":"be brief"},{"role":"user","content":[{"type":"text","text":"hi"}]}]}`,
		`{"model":"m","messages":[]}`,
		`{}`,
	},
}

var kinds = map[string]abi.Kind{"execute": abi.KindExecute, "stream": abi.KindStream, "count": abi.KindCount}

// statuses are answers of an upstream that failed.
var statuses = []uint32{400, 401, 403, 404, 408, 429, 500, 503, 529}

// provider tests every op of one provider.
func (r *runner) provider(p abi.Provider) {
	for _, mode := range p.Modes {
		for _, format := range p.Formats {
			r.test("%s of %s as %s", mode, p.Key, format)
			texts := bodies[format]
			if texts == nil {
				texts = bodies["openai-chat"]
			}
			for _, body := range texts {
				at := r.attempt(p, kinds[mode], format)
				r.walk(at, r.ask(abi.OpExecute, at.Kind, execute(p, at, []byte(body))), canned(format))
			}
		}
	}
	if p.Models.Source == "" || p.Models.Source == "guest" {
		r.test("models of %s", p.Key)
		at := &abi.Attempt{Provider: p.Key, Credential: r.credential()}
		r.walkOp(abi.OpModels, at, r.ask(abi.OpModels, 0, &abi.ModelsInput{Provider: p.Key, Credential: at.Credential}), canned(""))
	}
	if slices.Contains(p.OnError, "classify") {
		r.test("classify of %s", p.Key)
		for _, status := range statuses {
			for _, body := range []string{``, `{"error":{"message":"no","type":"x","code":"y"}}`, `<html>`} {
				r.ask(abi.OpClassify, 0, &abi.ClassifyInput{
					Op: abi.OpExecute, Attempt: r.attempt(p, abi.KindExecute, p.Formats[0]),
					Response: &abi.Response{Status: status, Headers: []abi.Pair{{Name: "Retry-After", Value: "7"}}, Body: []byte(body)},
				})
			}
		}
	}
	r.account(p)
}

// account tests the ops about a credential and a session.
func (r *runner) account(p abi.Provider) {
	at := &abi.Attempt{Provider: p.Key, Credential: r.credential()}
	if p.Refresh {
		r.test("refresh of %s", p.Key)
		for _, reason := range []abi.RefreshReason{abi.RefreshReasonDue, abi.RefreshReasonAttempt, abi.RefreshReasonOperator} {
			in := &abi.RefreshInput{Provider: p.Key, Credential: at.Credential, Reason: reason}
			r.walkOp(abi.OpRefresh, at, r.ask(abi.OpRefresh, 0, in), canned(""))
		}
	}
	if p.Login {
		r.test("login of %s", p.Key)
		for _, phase := range []abi.LoginPhase{abi.LoginPhaseStart, abi.LoginPhasePoll, abi.LoginPhaseCallback, abi.LoginPhaseCancel} {
			in := &abi.LoginInput{Provider: p.Key, Phase: phase, SessionID: "s1", RedirectURI: "http://127.0.0.1:1455/callback"}
			r.walkOp(abi.OpLogin, at, r.ask(abi.OpLogin, 0, in), canned(""))
		}
	}
	if slices.Contains(r.subject.Manifest.Requires, abi.FeaturePreparer) {
		r.test("prepare_request of %s", p.Key)
		r.ask(abi.OpPrepareRequest, 0, &abi.PrepareRequestInput{Provider: p.Key, Credential: at.Credential, Method: "POST", URL: &abi.Url{Scheme: "https", Host: "api.example.com"}})
	}
	if p.Cancel {
		r.test("cancel of %s", p.Key)
		r.ask(abi.OpCancel, 0, &abi.CancelInput{Attempt: r.attempt(p, abi.KindStream, p.Formats[0]), Reason: "client"})
	}
	if p.Sessions {
		r.test("close_session of %s", p.Key)
		r.ask(abi.OpCloseSession, 0, &abi.CloseSessionInput{SessionID: "s1"})
		r.ask(abi.OpCloseSession, 0, &abi.CloseSessionInput{All: true})
	}
}

// hooks tests what a plugin is called for beside its own providers.
func (r *runner) hooks() {
	provides := r.subject.Manifest.Provides
	for _, p := range provides.Preparers {
		r.test("intercept %s", p.Name)
		for _, key := range p.Providers {
			r.ask(abi.OpIntercept, 0, &abi.InterceptInput{Provider: key, Credential: r.credential(), Model: "m", Request: &abi.Request{
				Method: "POST", URL: &abi.Url{Scheme: "https", Host: "api.example.com"}, Body: []abi.BodyPart{},
			}})
		}
	}
	for _, p := range provides.PostAuth {
		r.test("post_auth %s", p.Name)
		for _, origin := range []string{"login", "api", "cli"} {
			r.ask(abi.OpPostAuth, 0, &abi.PostAuthInput{Provider: "any", Credential: r.credential(), Info: &abi.RequestInfo{}, Origin: origin})
		}
	}
	for _, p := range provides.Observers {
		r.test("observe %s", p.Name)
		r.ask(abi.OpObserve, 0, &abi.ObserveInput{Sequence: 1, Dropped: 2, Observations: []abi.Observation{
			{Kind: abi.ObservationKindRegistered, Provider: "any", Credential: r.credential(), AtMS: 1},
			{Kind: abi.ObservationKindResult, Provider: "any", Model: "m", Failure: &abi.Fail{Code: "rate_limited"}, AtMS: 2},
		}})
	}
}

func execute(p abi.Provider, at *abi.Attempt, body []byte) *abi.ExecuteInput {
	in := &abi.ExecuteInput{Attempt: at, Body: &abi.BodyHandle{Size: uint64(len(body))}}
	if p.Body == "bytes" {
		in.Body.Bytes = body
	}
	for _, name := range p.ClientHeaders {
		in.Headers = append(in.Headers, abi.Pair{Name: name, Value: "x"})
	}
	return in
}

func (r *runner) attempt(p abi.Provider, kind abi.Kind, format string) *abi.Attempt {
	model := "m"
	if len(p.Models.Static) > 0 {
		model = p.Models.Static[0]
	}
	return &abi.Attempt{
		ID: "a1", Kind: kind, Provider: p.Key, Model: model, RequestedModel: model, Format: format,
		DeadlineMS: 60_000, StartedMS: 1_893_553_445_000, Credential: r.credential(),
	}
}

// credential has every field that the manifest declares.
func (r *runner) credential() *abi.Credential {
	c := &abi.Credential{ID: "c1", Label: "test", Revision: 1}
	fields := r.subject.Manifest.Credential.Fields
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch f := fields[name]; f.Kind {
		case abi.FieldPublic:
			c.Fields = append(c.Fields, abi.Pair{Name: name, Value: orElse(f.Default, "x")})
		case abi.FieldDestination:
			c.Fields = append(c.Fields, abi.Pair{Name: name, Value: orElse(f.Default, "https://api.example.com/v1")})
		default:
			c.Secrets = append(c.Secrets, name)
		}
	}
	return c
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
