package driver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/wire"
)

func execute(t testing.TB, e *Executor, base string) (executor.Response, error) {
	t.Helper()
	return e.Execute(t.Context(), credential(base), request(), executor.Options{})
}

// TestPassedAnswer: what arrives upstream is the client's body with the host's
// model and the secret in its slot; what comes back is the upstream's body.
func TestPassedAnswer(t *testing.T) {
	const answer = `{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`
	var path, key, agent, body string
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		path, key, agent, body = r.URL.EscapedPath(), r.Header.Get("Authorization"), r.UserAgent(), string(b)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Set-Cookie", "session=1")
		w.Header().Set("X-Request-Id", "r1")
		io.WriteString(w, answer)
	})
	g := always(send(abi.Send{Deliver: abi.DeliverPass})...)
	began := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	e := newExecutor(t, g, manifest(), func(o *Options) { o.Now = func() time.Time { return began } })
	req := request()
	req.Model = "upstream-model"
	r, err := e.Execute(t.Context(), credential(up.URL+"/v1/"), req, executor.Options{SourceFormat: "openai-chat",
		Metadata: map[string]any{executor.RequestedModelKey: "m-1"}})
	if err != nil {
		t.Fatal(err)
	}
	if string(r.Payload) != answer || r.Headers.Get("X-Request-Id") != "r1" || r.Headers.Get("Set-Cookie") != "" {
		t.Errorf("response %q, %v", r.Payload, r.Headers)
	}
	if diff := cmp.Diff(wire.Usage{Input: 3, Output: 4, Total: 7}, r.Metadata[UsageKey]); diff != "" {
		t.Error(diff)
	}
	if path != "/v1/chat/completions" || key != "Bearer "+testKey || agent != "patchbay/test" {
		t.Errorf("request: %s, %s, %s", path, key, agent)
	}
	if want := strings.Replace(string(req.Payload), "m-1", "upstream-model", 1); body != want {
		t.Errorf("body %s, want %s", body, want)
	}
	if len(g.calls) != 1 {
		t.Errorf("%d calls, want 1", len(g.calls))
	}
	got := g.calls[0].execute
	want := &abi.ExecuteInput{
		Attempt: &abi.Attempt{
			ID: got.Attempt.ID, Kind: abi.KindExecute, Provider: "fake", Model: "upstream-model", RequestedModel: "m-1", Format: "openai-chat", StartedMS: began.UnixMilli(),
			Credential: &abi.Credential{
				ID: opaqueID("account@example.com"), Label: "work", Secrets: []string{"api_key"}, ExpiresAtMS: 1893553445000,
				Fields: []abi.Pair{{Name: "base_url", Value: up.URL + "/v1/"}, {Name: "project", Value: "main"}},
			},
		},
		Body: &abi.BodyHandle{Size: uint64(len(req.Payload))},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what the guest saw: %s", diff)
	}
}

// TestEdits: a guest's edits are made on a copy, and the model stays the
// host's whatever they say.
func TestEdits(t *testing.T) {
	var body string
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body = string(b)
		io.WriteString(w, "{}")
	})
	r := chat()
	r.Body = []abi.BodyPart{
		{Which: abi.BodyPartIsLiteral, Literal: []byte(`{"wrapped":`)},
		{Which: abi.BodyPartIsClientBody, ClientBody: &abi.ClientBody{Edits: []abi.Edit{
			{Which: abi.EditIsSet, Path: "model", Set: []byte(`"evil"`)},
			{Which: abi.EditIsSet, Path: "extra.deep", Set: []byte(`[1]`)},
			{Which: abi.EditIsDelete, Path: "stream", Delete: true},
		}}},
		{Which: abi.BodyPartIsLiteral, Literal: []byte(`}`)},
	}
	req := request()
	before := string(req.Payload)
	e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass, Request: r})...), manifest())
	if _, err := e.Execute(t.Context(), credential(up.URL), req, executor.Options{}); err != nil {
		t.Fatal(err)
	}
	if want := `{"wrapped":{"model":"m-1","messages":[],"extra":{"deep":[1]}}}`; body != want || string(req.Payload) != before {
		t.Errorf("body %s, want %s; payload %s", body, want, req.Payload)
	}
}

// TestWholeAnswer: a whole answer goes to resume with the step and the state,
// without the credential's secrets.
func TestWholeAnswer(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Echo", testKey)
		io.WriteString(w, "you sent "+testKey)
	})
	g := &fakeGuest{
		answer: func(n int, c call) []abi.Action {
			if n == 0 {
				return send(abi.Send{Deliver: abi.DeliverWhole, Step: "one"})
			}
			r := c.resume
			if r.Step != "one" || string(r.State) != "s0" || r.Response.Status != 200 || string(r.Response.Body) != "you sent [redacted]" {
				t.Errorf("resume: %+v, %+v", r, r.Response)
			}
			for _, h := range r.Response.Headers {
				if strings.Contains(h.Value, testKey) {
					t.Errorf("the header %s holds the secret", h.Name)
				}
			}
			return []abi.Action{{Which: abi.ActionIsUsage, Usage: &abi.Usage{InputTokens: -5, OutputTokens: 2}}, reply(`{"ok":true}`)}
		},
		state: func(int) []byte { return []byte("s0") },
	}
	var notices []Notice
	e := newExecutor(t, g, manifest(), func(o *Options) { o.OnNotice = func(n Notice) { notices = append(notices, n) } })
	r, err := execute(t, e, up.URL)
	if err != nil || string(r.Payload) != `{"ok":true}` {
		t.Fatalf("%s, %v", r.Payload, err)
	}
	want := wire.Usage{Output: 2, Total: 2, Suspect: true}
	if diff := cmp.Diff(want, r.Metadata[UsageKey]); diff != "" {
		t.Error(diff)
	}
	if len(notices) != 1 || notices[0].AuthID != "account@example.com" || *notices[0].Usage != want {
		t.Errorf("notices: %+v", notices)
	}
}

// TestOnErrorResume: the guest may go on after an error, and after no answer.
func TestOnErrorResume(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ok" {
			w.WriteHeader(404)
			return
		}
		io.WriteString(w, `{"fine":true}`)
	})
	g := &fakeGuest{answer: func(n int, c call) []abi.Action {
		r := chat()
		if n == 0 {
			return send(abi.Send{Deliver: abi.DeliverPass, OnError: abi.OnErrorResume})
		}
		if c.resume.Response == nil || c.resume.Response.Status != 404 {
			t.Errorf("resume: %+v", c.resume)
		}
		r.URL.Segments = segments("ok")
		return send(abi.Send{Deliver: abi.DeliverPass, Request: r})
	}}
	r, err := execute(t, newExecutor(t, g, manifest()), up.URL)
	if err != nil || string(r.Payload) != `{"fine":true}` {
		t.Errorf("%s, %v", r.Payload, err)
	}
	up.Close()
	g = &fakeGuest{answer: func(n int, c call) []abi.Action {
		if n == 0 {
			return send(abi.Send{Deliver: abi.DeliverPass, OnError: abi.OnErrorResume})
		}
		return []abi.Action{fail(abi.Fail{Code: "transient", Message: "got " + c.resume.Failure.Code})}
	}}
	_, err = execute(t, newExecutor(t, g, manifest()), up.URL)
	if u := upstreamError(t, err); u.Message != "got transient" {
		t.Errorf("error: %+v", u)
	}
}

// TestUpstreamOutOfReach: no answer has status 0 and names no secret; a
// redirect is an answer that is refused.
func TestUpstreamOutOfReach(t *testing.T) {
	hits := 0
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { hits++ })
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest())
	_, err := execute(t, e, up.URL)
	if u := upstreamError(t, err); u.Status != 502 || hits != 0 {
		t.Errorf("redirect: %+v, followed %d times", u, hits)
	}
	up.Close()
	e = newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest())
	_, err = execute(t, e, up.URL)
	var away *egress.Error
	if u := upstreamError(t, err); u.Status != 0 || !errors.As(err, &away) || away.Reason != egress.Unreachable ||
		"http://"+u.Host != up.URL {
		t.Errorf("closed port: %+v", u)
	}
	proxied := credential("http://127.0.0.2:9")
	proxied.ProxyURL = up.URL
	_, err = e.Execute(t.Context(), proxied, request(), executor.Options{})
	if u := upstreamError(t, err); u.Status != 0 || u.Host != "" {
		t.Errorf("behind a dead proxy of its own: %+v", u)
	}
	_, err = execute(t, e, "http://169.254.169.254")
	if u := upstreamError(t, err); u.Status != 401 || !u.CredentialScope || u.Host != "" {
		t.Errorf("a metadata address: %+v", u)
	}
}

// TestP13Deadline: the caller's own end is the context's error, and a plugin's
// fault is the plugin's.
func TestP13Deadline(t *testing.T) {
	up := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := e.Execute(ctx, credential(up.URL), request(), executor.Options{})
	if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, new(*executor.UpstreamError)) {
		t.Errorf("error: %v", err)
	}
}

type faultyGuest struct{ err error }

func (g faultyGuest) Call(_ context.Context, _ abi.Op, _, dst []byte) ([]byte, error) {
	return dst, g.err
}

func TestPluginFaults(t *testing.T) {
	for fault, status := range map[abi.Fault]int{
		abi.FaultTrap: 502, abi.FaultLimit: 502, abi.FaultDeadline: 504, abi.FaultBusy: 503, abi.FaultClosed: 503,
	} {
		g := faultyGuest{&abi.CallError{Plugin: "fake", Op: abi.OpExecute, Fault: fault, Detail: "inner detail"}}
		_, err := execute(t, newExecutor(t, g, manifest()), "http://127.0.0.1")
		var plugin *PluginError
		var public *auth.Error
		if !errors.As(err, &plugin) || !errors.As(err, &public) || public.Code != auth.CodePlugin || public.HTTPStatus != status || plugin.StatusCode() != status {
			t.Errorf("%v: %v", fault, err)
			continue
		}
		if !plugin.IsRequestScoped() || strings.Contains(public.Message, "inner") || !strings.Contains(public.Message, "fake") || !strings.Contains(err.Error(), "inner detail") {
			t.Errorf("%v: %q, %q", fault, public.Message, err)
		}
	}
	g := faultyGuest{errors.New("something else")}
	if _, err := execute(t, newExecutor(t, g, manifest()), "http://127.0.0.1"); !errors.As(err, new(*PluginError)) {
		t.Errorf("error: %v", err)
	}
}

// TestSleepAndSteps: short sleeps are lengthened, and an attempt that never
// ends is ended.
func TestSleepAndSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := always(abi.Action{Which: abi.ActionIsSleep, Sleep: &abi.Sleep{MS: 1}})
		e, err := New(g, manifest(), manifest().Provides.Providers[0], Options{Door: egress.New(egress.Options{})})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = execute(t, e, "http://127.0.0.1")
		if !errors.As(err, new(*PluginError)) || !strings.Contains(err.Error(), "1000 steps") {
			t.Errorf("error: %v", err)
		}
		if got := time.Since(began); got != 1000*abi.MinSleep {
			t.Errorf("slept for %v", got)
		}
	})
}

func TestModels(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" || r.URL.Path != "/models" || r.Header.Get("Authorization") != "Bearer "+testKey {
			w.WriteHeader(401)
			return
		}
		io.WriteString(w, "a b a")
	})
	r := chat()
	r.Method, r.Body, r.URL.Segments = "GET", nil, segments("models")
	g := &fakeGuest{answer: func(n int, c call) []abi.Action {
		if n == 0 {
			return send(abi.Send{Deliver: abi.DeliverWhole, Request: r})
		}
		m := &abi.Models{}
		for name := range strings.FieldsSeq(string(c.resume.Response.Body)) {
			m.Models = append(m.Models, abi.Model{ID: name, Created: 60})
		}
		return []abi.Action{{Which: abi.ActionIsModels, Models: m}}
	}}
	m := manifest()
	got, err := newExecutor(t, g, m).Models(t.Context(), credential(up.URL))
	at := time.Unix(60, 0).UTC()
	if diff := cmp.Diff([]Model{{ID: "a", Created: at}, {ID: "b", Created: at}}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	m.Provides.Providers[0].Models = abi.ModelSource{Source: "static", Static: []string{"x"}}
	if got, err := newExecutor(t, g, m).Models(t.Context(), credential(up.URL)); err != nil || len(got) != 1 || got[0].ID != "x" {
		t.Errorf("static: %v, %v", got, err)
	}
	m.Provides.Providers[0].Models = abi.ModelSource{Source: "none"}
	if got, err := newExecutor(t, g, m).Models(t.Context(), credential(up.URL)); err != nil || got != nil {
		t.Errorf("none: %v, %v", got, err)
	}
}

// TestNotInThisBuild: what the interface has and this build has not is refused
// by name.
func TestNotInThisBuild(t *testing.T) {
	e := newExecutor(t, always(end), manifest())
	a := credential("http://127.0.0.1")
	_, refresh := e.Refresh(t.Context(), a)
	_, count := e.CountTokens(t.Context(), a, request(), executor.Options{})
	foreign := request()
	foreign.Format = "gemini"
	_, format := e.Execute(t.Context(), a, foreign, executor.Options{})
	_, translate := e.Execute(t.Context(), a, request(), executor.Options{SourceFormat: "gemini"})
	for name, err := range map[string]error{"refresh": refresh, "count": count, "gemini": format, "translation": translate} {
		var ae *auth.Error
		if !errors.As(err, &ae) || ae.Code != auth.CodeNotSupported || ae.HTTPStatus != 501 || !strings.Contains(ae.Message, name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
