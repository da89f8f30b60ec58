package driver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// hooked is a guest whose one function reads the input itself.
type hooked func(op abi.Op, input []byte) []abi.Action

func (g hooked) Call(_ context.Context, op abi.Op, input, dst []byte) ([]byte, error) {
	acts := g(op, slices.Clone(input))
	if acts == nil {
		return dst, &abi.CallError{Plugin: "hook", Op: op, Fault: abi.FaultTrap}
	}
	return abi.AppendMessage(dst, &abi.ActionList{Actions: acts}), nil
}

func read[M abi.Message](t testing.TB, input []byte, m M) M {
	t.Helper()
	if err := abi.DecodeStrict(input, m); err != nil {
		t.Error(err)
	}
	return m
}

func prepared(r *abi.Request) []abi.Action {
	return []abi.Action{{Which: abi.ActionIsRequest, Request: &abi.PreparedRequest{Request: r}}}
}

func header(name, text string) abi.NamedValue { return abi.NamedValue{Name: name, Parts: lit(text)} }

// TestPrepareRequest: the secret is put where the guest says, for a declared
// destination alone, and the guest sees no key of the caller's.
func TestPrepareRequest(t *testing.T) {
	var shown *abi.PrepareRequestInput
	change := func(*abi.Request) {}
	g := hooked(func(_ abi.Op, input []byte) []abi.Action {
		shown = read(t, input, &abi.PrepareRequestInput{})
		r := &abi.Request{Method: shown.Method, URL: shown.URL}
		for _, h := range shown.Headers {
			r.Headers = append(r.Headers, header(h.Name, h.Value))
		}
		r.Headers = append(r.Headers, abi.NamedValue{Name: "authorization", Parts: append(lit("Bearer "), ref("api_key"))})
		change(r)
		return prepared(r)
	})
	e := newExecutor(t, g, manifest())
	a := credential("https://api.example/v1")
	req, err := http.NewRequest(http.MethodGet, "https://api.example/v1/a%2Fb/c?x=1&y=%26", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"X-Mine": {"m"}, "Cookie": {"c=1"}, "X-Api-Key": {"k"}, "Accept-Encoding": {"gzip"}}
	if err := e.PrepareRequest(req, a); err != nil {
		t.Fatal(err)
	}
	if req.URL.String() != "https://api.example/v1/a%2Fb/c?x=1&y=%26" || req.Header.Get("Authorization") != "Bearer "+testKey {
		t.Errorf("%s, %v", req.URL, req.Header)
	}
	if req.Header.Get("X-Mine") != "m" || req.Header.Get("Cookie") != "c=1" || req.Header.Get("X-Api-Key") != "k" || req.Header.Get("Accept-Encoding") != "gzip" {
		t.Errorf("the caller's headers: %v", req.Header)
	}
	if len(shown.Headers) != 1 || shown.URL.Base != "base_url" || len(shown.URL.Segments) != 2 {
		t.Errorf("shown: %+v", shown)
	}
	for _, target := range []string{
		"https://api.example/v2/a", "https://api.example.evil/v1/a", "http://api.example/v1/a", "https://api.example:444/v1/a",
		"https://u@api.example/v1/a", "https://api.example/v1/../a", "https://api.example/v1x", "https://api.example/v1/%2e%2e/a",
	} {
		shown = nil
		req, err := http.NewRequest(http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		before := req.Clone(t.Context())
		if err := e.PrepareRequest(req, a); err == nil || req.URL.String() != before.URL.String() || len(req.Header) != 0 {
			t.Errorf("%s: %v, %v", target, err, req.Header)
		}
	}
	req, _ = http.NewRequest(http.MethodDelete, "https://api.example/v1/a", nil)
	if err := e.PrepareRequest(req, a); err == nil {
		t.Error("a method that no destination allows")
	}
	for name, f := range map[string]func(*abi.Request){
		"elsewhere": func(r *abi.Request) {
			r.URL = &abi.Url{Scheme: "https", Host: "eu.cloud.example", Segments: segments("x")}
		},
		"method": func(r *abi.Request) { r.Method = "POST" },
		"body":   func(r *abi.Request) { r.Body = []abi.BodyPart{{Which: abi.BodyPartIsLiteral}} },
	} {
		change = f
		req, _ := http.NewRequest(http.MethodGet, "https://api.example/v1/a", nil)
		if err := e.PrepareRequest(req, a); !errors.As(err, new(*PluginError)) && err == nil || len(req.Header) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHttpRequest: a caller's request is sent with the credential, and the
// executor stays in use until the body is closed.
func TestHttpRequest(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		io.WriteString(w, r.Header.Get("Authorization")+" "+string(b))
	})
	g := hooked(func(_ abi.Op, input []byte) []abi.Action {
		in := read(t, input, &abi.PrepareRequestInput{})
		return prepared(&abi.Request{Method: in.Method, URL: in.URL, Headers: []abi.NamedValue{{Name: "authorization", Parts: append(lit("Bearer "), ref("api_key"))}}})
	})
	e := newExecutor(t, g, manifest())
	req, err := http.NewRequest(http.MethodPost, up.URL+"/files", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := e.HttpRequest(t.Context(), credential(up.URL), req)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := e.Drain(short); err == nil {
		t.Error("the executor is free while the body is open")
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || string(body) != "Bearer "+testKey+" hello" || req.Header.Get("Authorization") != "" {
		t.Errorf("%s, %v", body, err)
	}
	if err := e.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := newExecutor(t, hooked(func(abi.Op, []byte) []abi.Action {
		return []abi.Action{{Which: abi.ActionIsUnsupported, Unsupported: &abi.Unsupported{}}}
	}), manifest()).
		HttpRequest(t.Context(), credential(up.URL), req); err == nil || !strings.Contains(err.Error(), "prepare_request") {
		t.Errorf("a guest without the op: %v", err)
	}
}

func interceptor(t *testing.T, g abi.Guest) *Interceptor {
	t.Helper()
	m := &abi.Manifest{ID: "signs", Destinations: []abi.Destination{{Name: "up", Provider: "fake", Methods: []string{"POST"}}}}
	i, err := NewInterceptor(g, m, abi.Preparer{Name: "signs", Providers: []string{"fake"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// intercepting runs one attempt through interceptors and returns what arrived.
func intercepting(t *testing.T, list ...*Interceptor) (h http.Header, body string, err error) {
	t.Helper()
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		h, body = r.Header.Clone(), string(b)
		io.WriteString(w, "{}")
	})
	e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest(), func(o *Options) {
		o.Intercept = func(string) ([]*Interceptor, error) { return list, nil }
	})
	_, err = execute(t, e, up.URL)
	return h, body, err
}

// TestIntercept: headers and edits are added in order; the body and the secrets
// are not shown.
func TestIntercept(t *testing.T) {
	var shown []*abi.InterceptInput
	adds := func(name string) *Interceptor {
		return interceptor(t, hooked(func(_ abi.Op, input []byte) []abi.Action {
			in := read(t, input, &abi.InterceptInput{})
			shown = append(shown, in)
			r := *in.Request
			r.Headers = append(slices.Clone(r.Headers), header(name, "yes"))
			r.Body = []abi.BodyPart{{Which: abi.BodyPartIsClientBody, ClientBody: &abi.ClientBody{Edits: []abi.Edit{
				{Which: abi.EditIsSet, Path: "by", Set: []byte(`"` + name + `"`)},
			}}}}
			return prepared(&r)
		}))
	}
	h, body, err := intercepting(t, adds("x-one"), adds("x-two"))
	if err != nil {
		t.Fatal(err)
	}
	if h.Get("X-One") != "yes" || h.Get("X-Two") != "yes" || h.Get("Authorization") != "Bearer "+testKey || !strings.Contains(body, `"by":"x-two"`) {
		t.Errorf("arrived: %v, %s", h, body)
	}
	first, second := shown[0], shown[1]
	if len(first.Request.Headers) != 1 || len(second.Request.Headers) != 2 || first.Model != "m-1" || first.Provider != "fake" ||
		len(first.Credential.Fields) != 0 || first.Credential.Label != "" || first.Credential.ID == "" {
		t.Errorf("shown: %+v, then %+v", first, second)
	}
	if diff := cmp.Diff([]abi.BodyPart{{Which: abi.BodyPartIsClientBody, ClientBody: &abi.ClientBody{}}}, first.Request.Body); diff != "" {
		t.Error(diff)
	}
}

// TestInterceptFailsClosed: what an interceptor may not do, and its faults, stop
// the request before anything is sent.
func TestInterceptFailsClosed(t *testing.T) {
	for name, answer := range map[string]func(r *abi.Request) []abi.Action{
		"trap": func(*abi.Request) []abi.Action { return nil },
		"fail": func(*abi.Request) []abi.Action {
			return []abi.Action{fail(abi.Fail{Code: "bad_request", Message: "no"})}
		},
		"no op": func(*abi.Request) []abi.Action {
			return []abi.Action{{Which: abi.ActionIsUnsupported, Unsupported: &abi.Unsupported{}}}
		},
		"nothing":  func(*abi.Request) []abi.Action { return prepared(nil) },
		"path":     func(r *abi.Request) []abi.Action { r.URL.Segments = segments("x"); return prepared(r) },
		"method":   func(r *abi.Request) []abi.Action { r.Method = "GET"; return prepared(r) },
		"removes":  func(r *abi.Request) []abi.Action { r.Headers = nil; return prepared(r) },
		"replaces": func(r *abi.Request) []abi.Action { r.Headers[0] = header("authorization", "x"); return prepared(r) },
		"repeats": func(r *abi.Request) []abi.Action {
			r.Headers = append(r.Headers, header("Authorization", "x"))
			return prepared(r)
		},
		"host's": func(r *abi.Request) []abi.Action {
			r.Headers = append(r.Headers, header("Host", "x"))
			return prepared(r)
		},
		"body": func(r *abi.Request) []abi.Action {
			r.Body[0] = abi.BodyPart{Which: abi.BodyPartIsLiteral, Literal: []byte("x")}
			return prepared(r)
		},
		"foreign secret": func(r *abi.Request) []abi.Action {
			r.Headers = append(r.Headers, abi.NamedValue{Name: "x-key", Parts: []abi.Part{ref("api_key")}})
			return prepared(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := interceptor(t, hooked(func(_ abi.Op, input []byte) []abi.Action {
				return answer(read(t, input, &abi.InterceptInput{}).Request)
			}))
			h, _, err := intercepting(t, i)
			scoped, ok := err.(interface{ IsRequestScoped() bool })
			if err == nil || h != nil || !ok || !scoped.IsRequestScoped() {
				t.Errorf("%v, arrived: %v", err, h)
			}
			if err := i.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func postAuth(t *testing.T, g abi.Guest, hook abi.PostAuth) *PostAuth {
	t.Helper()
	p, err := NewPostAuth(g, &abi.Manifest{ID: "gate"}, hook, func(string) *abi.Manifest { return manifest() }, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPostAuth: the hook sees what it named and nothing that opens anything, and
// changes what is its own.
func TestPostAuth(t *testing.T) {
	var in *abi.PostAuthInput
	label := "gated"
	g := hooked(func(_ abi.Op, input []byte) []abi.Action {
		in = read(t, input, &abi.PostAuthInput{})
		return []abi.Action{{Which: abi.ActionIsPatch, Patch: &abi.Patch{Label: &label, Set: []abi.Pair{{Name: "x.gate.team", Value: "red"}}}}}
	})
	p := postAuth(t, g, abi.PostAuth{Name: "p", RequiresRequest: true,
		Headers: []string{"X-Team", "Authorization", "Cookie", "X-Api-Key"}, Query: []string{"hd", "code", "State", "token"}})
	a := credential("https://api.example")
	a.Attributes["region"], a.Attributes["project"], a.Attributes["x.gate.old"], a.Attributes["x.other.y"] = "eu", "abc", "1", "2"
	if err := p.Check(t.Context(), a); err == nil || in != nil {
		t.Errorf("without a request: %v", err)
	}
	info := &auth.RequestInfo{
		Headers: http.Header{"X-Team": {"red"}, "Authorization": {"a"}, "Cookie": {"c"}, "X-Api-Key": {"k"}, "X-More": {"m"}},
		Query:   url.Values{"hd": {"example.com"}, "code": {"1"}, "State": {"2"}, "token": {"3"}, "more": {"4"}},
	}
	if err := p.Check(auth.WithOrigin(auth.WithRequestInfo(t.Context(), info), auth.OriginLogin), a); err != nil {
		t.Fatal(err)
	}
	want := &abi.PostAuthInput{Provider: "fake", Origin: "login",
		Credential: &abi.Credential{ID: opaqueID(a.ID), Label: "work", Fields: []abi.Pair{{Name: "project", Value: "abc"}, {Name: "x.gate.old", Value: "1"}}},
		Info:       &abi.RequestInfo{Headers: []abi.Pair{{Name: "X-Team", Value: "red"}}, Query: []abi.Pair{{Name: "hd", Value: "example.com"}}},
	}
	if diff := cmp.Diff(want, in); diff != "" {
		t.Error(diff)
	}
	if a.Label != "gated" || a.Attributes["x.gate.team"] != "red" {
		t.Errorf("after: %s, %v", a.Label, a.Attributes)
	}
	if err := ValidateCredential(manifest(), manifest().Provides.Providers[0], a); err != nil {
		t.Errorf("a credential with an attribute of a plugin: %v", err)
	}
}

// TestPostAuthFailsClosed: every fault rejects and changes nothing. A-02.
func TestPostAuthFailsClosed(t *testing.T) {
	patch := func(p abi.Patch) []abi.Action { return []abi.Action{{Which: abi.ActionIsPatch, Patch: &p}} }
	set := func(name string) []abi.Action {
		return patch(abi.Patch{Set: []abi.Pair{{Name: "x.gate.ok", Value: "1"}, {Name: name, Value: "v"}}})
	}
	text := "p"
	for name, acts := range map[string][]abi.Action{
		"A-02 trap":    nil,
		"reject":       {{Which: abi.ActionIsReject, Reject: &abi.Reject{Reason: "wrong domain"}}},
		"unsupported":  {{Which: abi.ActionIsUnsupported, Unsupported: &abi.Unsupported{}}},
		"ok":           {{Which: abi.ActionIsOK, OK: &abi.Ok{}}},
		"destination":  set("base_url"),
		"public":       set("project"),
		"core":         set("allow_private"),
		"another's":    set("x.other.y"),
		"a secret":     set("x.gate.token"),
		"no name":      set("x.gate."),
		"prefix":       patch(abi.Patch{Prefix: &text}),
		"old revision": patch(abi.Patch{Revision: 3}),
		"deletes":      patch(abi.Patch{Delete: []string{"base_url"}}),
	} {
		t.Run(name, func(t *testing.T) {
			a := credential("https://api.example")
			before := a.Clone()
			err := postAuth(t, hooked(func(abi.Op, []byte) []abi.Action { return acts }), abi.PostAuth{Name: "p"}).Check(t.Context(), a)
			if err == nil || name == "reject" && !strings.Contains(err.Error(), "wrong domain") {
				t.Errorf("error: %v", err)
			}
			if diff := cmp.Diff(before.Attributes, a.Attributes); diff != "" || a.Label != before.Label || a.Prefix != before.Prefix {
				t.Error(diff)
			}
		})
	}
}

// TestObserver: what happens comes in order and in batches, beside whoever does
// it; what does not fit, or was lost with a fault, is counted.
func TestObserver(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var got []*abi.ObserveInput
	g := hooked(func(_ abi.Op, input []byte) []abi.Action {
		in := read(t, input, &abi.ObserveInput{})
		mu.Lock()
		got = append(got, in)
		n := len(got)
		mu.Unlock()
		if n == 1 {
			close(begun)
			<-goOn
			return nil // a fault
		}
		return []abi.Action{{Which: abi.ActionIsOK, OK: &abi.Ok{}}}
	})
	o, err := NewObserver(g, &abi.Manifest{ID: "watch"}, abi.Observer{Name: "w", Events: []string{"result"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wait := 3 * time.Second
	o.OnAuthRegistered(t.Context(), credential("x")) // not asked for
	o.OnResult(t.Context(), auth.Result{AuthID: "a", Provider: "p", Model: "m", RetryAfter: &wait,
		Error: &auth.Error{Code: "rate_limited", HTTPStatus: 429, Message: "your prompt was"}})
	<-begun
	for range observerQueue + 10 {
		o.OnResult(t.Context(), auth.Result{AuthID: "a", Provider: "p", Success: true})
	}
	close(goOn)
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.OnResult(t.Context(), auth.Result{})
	total := 0
	for i, in := range got {
		if in.Sequence != uint64(i+1) || len(in.Observations) > observerBatch {
			t.Errorf("batch %d: sequence %d, %d observations", i, in.Sequence, len(in.Observations))
		}
		total += len(in.Observations)
	}
	if total != observerQueue+1 || got[len(got)-1].Dropped != 11 {
		t.Errorf("%d observations, %d dropped", total, got[len(got)-1].Dropped)
	}
	first := got[0].Observations[0]
	if first.Credential.ID != opaqueID("a") || first.Failure.Message != "" || first.Failure.HTTPStatus != 429 || first.Failure.RetryAfterMS != 3000 {
		t.Errorf("observed: %+v, %+v", first, first.Failure)
	}
}

// TestObserverThatHangs: Close gives up when its time is over.
func TestObserverThatHangs(t *testing.T) {
	o, err := NewObserver(hanging{}, &abi.Manifest{ID: "watch"}, abi.Observer{Name: "w", Events: []string{"result"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	o.OnResult(t.Context(), auth.Result{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := o.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

type hanging struct{}

func (hanging) Call(ctx context.Context, op abi.Op, _, dst []byte) ([]byte, error) {
	<-ctx.Done()
	return dst, &abi.CallError{Op: op, Fault: abi.FaultDeadline, Err: ctx.Err()}
}

// TestCancel: a guest that asks hears that the client left or the time is up,
// with its state, and can send one request; Drain waits for it.
func TestCancel(t *testing.T) {
	for _, how := range []string{"client", "deadline", "close", "not asked", "finished"} {
		t.Run(how, func(t *testing.T) {
			deleted := make(chan string, 2)
			up := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-Cancel") != "" {
					deleted <- r.Header.Get("X-Cancel") + " " + r.Header.Get("Authorization")
					return
				}
				sse("data: 1\n\n")(w, r)
				if how != "finished" {
					io.Copy(io.Discard, r.Body)
					<-r.Context().Done()
				}
			})
			g := statefulCancel{hooked(func(op abi.Op, input []byte) []abi.Action {
				if op == abi.OpExecute {
					return send(abi.Send{Deliver: abi.DeliverPass, Step: "job"})
				}
				in := read(t, input, &abi.CancelInput{})
				r := chat()
				r.Body, r.Headers = nil, append(r.Headers, header("X-Cancel", in.Reason+" "+in.Step+" "+string(in.State)))
				return send(abi.Send{Deliver: abi.DeliverPass, Request: r})
			})}
			m := manifest()
			m.Provides.Providers[0].Cancel = how != "not asked"
			e := newExecutor(t, g, m)
			ctx, cancel := context.WithCancel(t.Context())
			if how == "deadline" {
				ctx, cancel = context.WithTimeout(t.Context(), 150*time.Millisecond)
			}
			defer cancel()
			s, err := e.OpenStream(ctx, credential(up.URL), request(), executor.Options{})
			if err != nil {
				t.Fatal(err)
			}
			switch how {
			case "client", "not asked":
				cancel()
			case "close":
				s.Close()
			}
			readStream(t, s)
			e.Retire()
			if err := e.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"client": "client job s", "close": "client job s", "deadline": "deadline job s"}[how]
			select {
			case got := <-deleted:
				if got != want+" Bearer "+testKey {
					t.Errorf("told %q, want %q", got, want)
				}
			default:
				if want != "" {
					t.Error("the guest sent nothing")
				}
			}
		})
	}
}

type statefulCancel struct{ hooked }

func (g statefulCancel) Call(_ context.Context, op abi.Op, input, dst []byte) ([]byte, error) {
	return abi.AppendMessage(dst, &abi.ActionList{State: []byte("s"), Actions: g.hooked(op, input)}), nil
}

// TestCloseSession: one session, or all, for a provider that keeps them.
func TestCloseSession(t *testing.T) {
	var got []*abi.CloseSessionInput
	g := hooked(func(_ abi.Op, input []byte) []abi.Action {
		got = append(got, read(t, input, &abi.CloseSessionInput{}))
		return []abi.Action{{Which: abi.ActionIsOK, OK: &abi.Ok{}}}
	})
	m := manifest()
	newExecutor(t, g, m).CloseExecutionSession("s1")
	m.Provides.Providers[0].Sessions = true
	e := newExecutor(t, g, m)
	e.CloseExecutionSession("s1")
	e.CloseExecutionSession(executor.CloseAllExecutionSessionsID)
	e.CloseExecutionSession("")
	e.Retire()
	e.CloseExecutionSession("s2")
	if diff := cmp.Diff([]*abi.CloseSessionInput{{SessionID: "s1"}, {All: true}}, got); diff != "" {
		t.Error(diff)
	}
}
