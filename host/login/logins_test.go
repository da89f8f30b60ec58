package login

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// TestA17Callback: only the answer that belongs to this very login is taken,
// and only once.
func TestA17Callback(t *testing.T) {
	var seen *auth.Auth
	r := newRig(t, func(_ context.Context, d *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error) {
		if in.Phase == auth.LoginStart {
			p := browser
			return auth.LoginOutput{Prompt: &p, State: []byte("s")}, nil
		}
		seen = d.Clone()
		if in.RedirectURI != redirect || in.Step != "back" || string(in.State) != "s" {
			t.Errorf("the step: %+v", in)
		}
		if diff := cmp.Diff(map[string]string{"scope": "a b"}, in.Fields); diff != "" {
			t.Error(diff)
		}
		d.Metadata["access_token"] = "at"
		return auth.LoginOutput{Draft: d}, nil
	})
	mine, err := r.Start(t.Context(), draft(), redirect)
	if err != nil {
		t.Fatal(err)
	}
	other, err := r.Start(t.Context(), draft(), redirect)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(mine.Prompt.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("redirect_uri") != redirect || q.Get("code_challenge_method") != "S256" || q.Get("client_id") != "c" || len(q.Get("state")) < 43 {
		t.Errorf("the login page: %s", u)
	}
	if stateOf(t, mine) == stateOf(t, other) {
		t.Error("two logins have one state")
	}
	state := stateOf(t, mine)
	for name, query := range map[string]string{
		"wrong state":       "code=abc&state=wrong",
		"no state":          "code=abc",
		"empty state":       "code=abc&state=",
		"other user's code": "code=abc&state=" + stateOf(t, other),
		"a cut state":       "code=abc&state=" + state[:len(state)-1],
		"a foreign refusal": "error=access_denied&state=wrong",
	} {
		if _, err := r.Callback(t.Context(), mine.ID, query, nil); codeOf(err) != CodeMismatch {
			t.Errorf("%s: %v", name, err)
		}
	}
	v, err := r.Callback(t.Context(), mine.ID, "code=abc&scope=a+b&session_state=x&id_token=y&state="+state, nil)
	if err != nil || v.Auth == nil {
		t.Fatalf("%+v, %v", v, err)
	}
	verifier, _ := seen.Metadata[auth.LoginVerifierField].(string)
	sum := sha256.Sum256([]byte(verifier))
	if seen.Metadata[auth.LoginCodeField] != "abc" || base64.RawURLEncoding.EncodeToString(sum[:]) != q.Get("code_challenge") {
		t.Error("the step has neither code nor verifier, or others")
	}
	if got := r.store.kept[0].Metadata; got[auth.LoginCodeField] != nil || got[auth.LoginVerifierField] != nil || got[auth.LoginStateField] != nil || got["access_token"] != "at" {
		t.Errorf("stored: %v", got)
	}
	if _, err := r.Callback(t.Context(), mine.ID, "code=abc&state="+state, nil); codeOf(err) != CodeUnknown {
		t.Errorf("replay: %v", err)
	}
	// The other login is what it was.
	if v, err := r.Callback(t.Context(), other.ID, "code=def&scope=a+b&state="+stateOf(t, other), nil); err != nil || v.Auth == nil {
		t.Errorf("the other login: %v", err)
	}
}

// TestA17Replay: a login that asks on after the callback does not take the
// callback again.
func TestA17Replay(t *testing.T) {
	form := auth.LoginPrompt{Kind: auth.LoginForm, Fields: []auth.LoginField{{Name: "plan"}}}
	r := newRig(t, func(_ context.Context, _ *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error) {
		p := browser
		if in.Phase == auth.LoginCallback {
			p = form
		}
		return auth.LoginOutput{Prompt: &p}, nil
	})
	v, err := r.Start(t.Context(), draft(), redirect)
	if err != nil {
		t.Fatal(err)
	}
	query := "code=abc&state=" + stateOf(t, v)
	if v, err = r.Callback(t.Context(), v.ID, query, nil); err != nil || v.Prompt.Kind != auth.LoginForm {
		t.Fatalf("%+v, %v", v, err)
	}
	if _, err := r.Callback(t.Context(), v.ID, query, nil); codeOf(err) != CodeInvalid {
		t.Errorf("replay: %v", err)
	}
	if _, err := r.Paste(t.Context(), v.ID, "abc"); codeOf(err) != CodeInvalid {
		t.Errorf("replay by paste: %v", err)
	}
}

func TestDenied(t *testing.T) {
	r := newRig(t, ask(browser))
	v, err := r.Start(t.Context(), draft(), redirect)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Callback(t.Context(), v.ID, "error=access_denied&error_description=not+today&state="+stateOf(t, v), nil)
	if codeOf(err) != CodeDenied || !strings.Contains(err.Error(), "access_denied: not today") {
		t.Errorf("%v", err)
	}
	if _, err := r.Callback(t.Context(), v.ID, "code=a&state="+stateOf(t, v), nil); codeOf(err) != CodeUnknown {
		t.Errorf("after a refusal: %v", err)
	}
	if diff := cmp.Diff([]auth.LoginPhase{auth.LoginStart}, r.provider.phases()); diff != "" {
		t.Error(diff)
	}
}

// TestPaste: what a person copied out of a browser on another machine.
func TestPaste(t *testing.T) {
	page := auth.LoginPrompt{Kind: auth.LoginPaste, URL: "https://login.example/authorize?redirect_uri=https%3A%2F%2Flogin.example%2Fcode"}
	field := auth.LoginPrompt{Kind: auth.LoginPaste, Fields: []auth.LoginField{{Name: "api_key", Secret: true, Required: true}}}
	for name, c := range map[string]struct {
		prompt auth.LoginPrompt
		text   func(state string) string
		want   string // of the code, or of the field
		code   string // of the error
	}{
		"an address":           {browser, func(s string) string { return redirect + "?code=abc&state=" + s }, "abc", ""},
		"code and state":       {page, func(s string) string { return " abc#" + s + "\n" }, "abc", ""},
		"a code":               {page, func(string) string { return "abc" }, "abc", ""},
		"a code, for browsers": {browser, func(string) string { return "abc" }, "abc", ""},
		"A-17 another state":   {page, func(string) string { return "abc#other" }, "", CodeMismatch},
		"A-17 another address": {browser, func(string) string { return redirect + "?code=abc&state=other" }, "", CodeMismatch},
		"an empty text":        {page, func(string) string { return " " }, "", CodeInvalid},
		"two words":            {page, func(string) string { return "a b" }, "", CodeInvalid},
		"a field":              {field, func(string) string { return "sk-1" }, "sk-1", ""},
		"an empty field":       {field, func(string) string { return "" }, "", CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			var got any
			r := newRig(t, func(_ context.Context, d *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error) {
				if in.Phase == auth.LoginStart {
					p := c.prompt
					return auth.LoginOutput{Prompt: &p}, nil
				}
				if got = d.Metadata[auth.LoginCodeField]; got == nil {
					got = d.Metadata["api_key"]
				}
				return auth.LoginOutput{Draft: d}, nil
			})
			v, err := r.Start(t.Context(), draft(), redirect)
			if err != nil {
				t.Fatal(err)
			}
			if c.prompt.Kind == auth.LoginPaste && c.prompt.URL != "" && !strings.Contains(v.Prompt.URL, "redirect_uri=https%3A%2F%2Flogin.example%2Fcode") {
				t.Errorf("the page that shows the code: %s", v.Prompt.URL)
			}
			_, err = r.Paste(t.Context(), v.ID, c.text(stateOf(t, v)))
			if codeOf(err) != c.code || c.want != "" && got != c.want {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestForm(t *testing.T) {
	var in auth.LoginInput
	var d *auth.Auth
	form := auth.LoginPrompt{Kind: auth.LoginForm, Fields: []auth.LoginField{
		{Name: "api_key", Secret: true, Required: true}, {Name: "email", Stored: true}, {Name: "plan"},
	}}
	r := newRig(t, func(_ context.Context, draft *auth.Auth, input auth.LoginInput) (auth.LoginOutput, error) {
		if input.Phase == auth.LoginStart {
			return auth.LoginOutput{Prompt: &form}, nil
		}
		in, d = input, draft.Clone()
		return auth.LoginOutput{Draft: draft}, nil
	})
	v, err := r.Start(t.Context(), draft(), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, answers := range map[string]map[string]string{
		"a required one is missing": {"email": "a@example.com"},
		"nobody asked":              {"api_key": "k", "base_url": "https://evil.example"},
		"control characters":        {"api_key": "k\nk"},
		"too long":                  {"api_key": strings.Repeat("k", maxValue+1)},
	} {
		if _, err := r.Fill(t.Context(), v.ID, answers); codeOf(err) != CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.Fill(t.Context(), v.ID, map[string]string{"api_key": "sk-1", "email": "a@example.com", "plan": "pro"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"email": "a@example.com", "plan": "pro"}, in.Fields); diff != "" {
		t.Error(diff)
	}
	if d.Metadata["api_key"] != "sk-1" || d.Attributes["email"] != "a@example.com" || d.Attributes["plan"] != "" {
		t.Errorf("%v %v", d.Metadata, d.Attributes)
	}
}

// TestDevicePolls: authorization_pending is normal, slow_down is obeyed, and
// nobody polls too early however often he is asked to.
func TestDevicePolls(t *testing.T) {
	step := 0
	r := newRig(t, func(_ context.Context, d *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error) {
		step++
		waiting := auth.LoginPrompt{Kind: auth.LoginDevice, Step: "wait"}
		switch step {
		case 1:
			p := device
			p.Interval, p.Expires = 2*time.Second, 10*time.Minute
			return auth.LoginOutput{Prompt: &p}, nil
		case 2: // pending
			waiting.Interval = 2 * time.Second
			return auth.LoginOutput{Prompt: &waiting}, nil
		case 3:
			return auth.LoginOutput{Prompt: &waiting, SlowDown: true}, nil
		case 4: // a shorter interval is not taken
			waiting.Interval = time.Millisecond
			return auth.LoginOutput{Prompt: &waiting}, nil
		}
		return auth.LoginOutput{Draft: d}, nil
	})
	v, err := r.Start(t.Context(), draft(), "")
	if err != nil {
		t.Fatal(err)
	}
	for i, wait := range []time.Duration{2 * time.Second, 2 * time.Second, 7 * time.Second, 7 * time.Second} {
		if v.PollIn != wait || v.Prompt.UserCode != "AB-CD" || v.Prompt.URL != device.URL || v.Prompt.Step != "wait" {
			t.Fatalf("poll %d: %+v in %s", i, v.Prompt, v.PollIn)
		}
		before := len(r.provider.phases())
		if early, err := r.Poll(t.Context(), v.ID); err != nil || early.PollIn != wait || len(r.provider.phases()) != before {
			t.Fatalf("poll %d, early: %+v, %v", i, early, err)
		}
		r.clock.add(wait)
		if v, err = r.Poll(t.Context(), v.ID); err != nil {
			t.Fatal(err)
		}
	}
	if v.Auth == nil {
		t.Error("the login is not done")
	}
}

func TestTimes(t *testing.T) {
	for name, c := range map[string]struct {
		expires, wait time.Duration
		code          string
	}{
		"in time":          {time.Minute, 59 * time.Second, ""},
		"the prompt's end": {time.Minute, time.Minute, CodeExpired},
		"the login's":      {0, MaxTime, CodeExpired},
		"never longer":     {5 * time.Hour, MaxTime, CodeExpired},
		"just in time":     {0, MaxTime - time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := browser
			p.Expires = c.expires
			r := newRig(t, ask(p))
			v, err := r.Start(t.Context(), draft(), redirect)
			if err != nil {
				t.Fatal(err)
			}
			r.clock.add(c.wait)
			_, err = r.Callback(t.Context(), v.ID, "code=a&state="+stateOf(t, v), nil)
			if codeOf(err) != c.code {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestRestart: what a version remembers means nothing to another.
func TestRestart(t *testing.T) {
	r := newRig(t, ask(device))
	v, err := r.Start(t.Context(), draft(), "")
	if err != nil {
		t.Fatal(err)
	}
	r.clock.add(time.Minute)
	r.version = "v2"
	if _, err := r.Poll(t.Context(), v.ID); codeOf(err) != CodeRestart {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff([]auth.LoginPhase{auth.LoginStart}, r.provider.phases()); diff != "" {
		t.Errorf("the new version was asked: %s", diff)
	}
	r.provider.do = func(context.Context, *auth.Auth, auth.LoginInput) (auth.LoginOutput, error) {
		return auth.LoginOutput{}, executor.ErrRetired
	}
	if _, err := r.Start(t.Context(), draft(), ""); codeOf(err) != CodeRestart {
		t.Errorf("replaced in the middle: %v", err)
	}
}

// TestA02Hooks: hooks are asked in order, before anything is stored, and
// whatever is wrong with one of them means no.
func TestA02Hooks(t *testing.T) {
	second := &countingHook{}
	for name, c := range map[string]struct {
		hook auth.PostAuthHook
		says string
	}{
		"rejects":     {(&countingHook{err: errors.New("not from example.com")}).hook, "not from example.com"},
		"panics":      {func(context.Context, *auth.Auth) error { panic("secret-token") }, "crashed"},
		"is missing":  {nil, "missing"},
		"times out":   {(&countingHook{err: context.DeadlineExceeded}).hook, "deadline"},
		"has crashed": {(&countingHook{err: errors.New("plugin gate failed")}).hook, "plugin gate failed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, ask(browser))
			r.hooks = []auth.PostAuthHook{c.hook, second.hook}
			v, err := r.Start(t.Context(), draft(), redirect)
			if err != nil {
				t.Fatal(err)
			}
			_, err = r.Callback(t.Context(), v.ID, "code=a&state="+stateOf(t, v), nil)
			if codeOf(err) != CodeRejected || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret-token") {
				t.Errorf("%v", err)
			}
			if len(r.store.kept) != 0 {
				t.Error("it was stored")
			}
		})
	}
	if len(second.calls) != 0 {
		t.Error("a hook was asked after another had said no")
	}
}

// TestHooksSee: a hook is told of the browser's request without what is secret,
// and what it changes is what is stored.
func TestHooksSee(t *testing.T) {
	first := &countingHook{}
	r := newRig(t, ask(browser))
	r.hooks = []auth.PostAuthHook{first.hook, func(_ context.Context, a *auth.Auth) error {
		a.Label, a.ID, a.Provider, a.ProxyURL = "by hook", "other", "other", "http://evil.example"
		return nil
	}}
	d := draft()
	d.Label = "mine"
	v, err := r.Start(t.Context(), d, redirect)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{"Cookie": {"a"}, "Authorization": {"b"}, "X-Api-Key": {"c"}, "User-Agent": {"d"}, "Proxy-Authorization": {"e"}}
	if _, err = r.Callback(t.Context(), v.ID, "code=a&hd=example.com&state="+stateOf(t, v), header); err != nil {
		t.Fatal(err)
	}
	if len(first.calls) != 1 {
		t.Fatalf("the hook was asked %d times", len(first.calls))
	}
	call := first.calls[0]
	want := &auth.RequestInfo{Headers: http.Header{"User-Agent": {"d"}}, Query: url.Values{"hd": {"example.com"}}}
	if diff := cmp.Diff(want, call.info); diff != "" {
		t.Error(diff)
	}
	if call.origin != auth.OriginLogin || call.label != "mine" {
		t.Errorf("%+v", call)
	}
	if got := r.store.kept[0]; got.Label != "by hook" || got.ID == "other" || got.Provider != "p" || got.ProxyURL != "" {
		t.Errorf("stored: %s", got)
	}
}

// TestNothingStored: success is told of what is stored only.
func TestNothingStored(t *testing.T) {
	r := newRig(t, ask(browser))
	r.store.err = errors.New("the disk is full")
	v, err := r.Start(t.Context(), draft(), redirect)
	if err != nil {
		t.Fatal(err)
	}
	v, err = r.Callback(t.Context(), v.ID, "code=a&state="+stateOf(t, v), nil)
	if codeOf(err) != CodeFailed || v.Auth != nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestCancel: a login that nobody waits for is told to the provider, a step
// that runs is cut off, and nothing is stored.
func TestCancel(t *testing.T) {
	r := newRig(t, ask(device))
	v, err := r.Start(t.Context(), draft(), "")
	if err != nil {
		t.Fatal(err)
	}
	r.Cancel(t.Context(), v.ID)
	r.Cancel(t.Context(), v.ID)
	r.Cancel(t.Context(), "unknown")
	if diff := cmp.Diff([]auth.LoginPhase{auth.LoginStart, auth.LoginCancel}, r.provider.phases()); diff != "" {
		t.Error(diff)
	}
	if _, err := r.Poll(t.Context(), v.ID); codeOf(err) != CodeUnknown {
		t.Error(err)
	}

	begun := make(chan struct{})
	r.provider.do = func(ctx context.Context, d *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error) {
		if in.Phase == auth.LoginStart {
			p := device
			return auth.LoginOutput{Prompt: &p}, nil
		}
		close(begun)
		<-ctx.Done()
		return auth.LoginOutput{Draft: d}, nil
	}
	if v, err = r.Start(t.Context(), draft(), ""); err != nil {
		t.Fatal(err)
	}
	r.clock.add(time.Minute)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := r.Poll(t.Context(), v.ID); codeOf(err) != CodeCancelled {
			t.Errorf("a step that was cut off: %v", err)
		}
	})
	<-begun
	if _, err := r.Poll(t.Context(), v.ID); codeOf(err) != CodeBusy {
		t.Errorf("a second step at once: %v", err)
	}
	r.Cancel(t.Context(), v.ID)
	wg.Wait()
	if len(r.store.kept) != 0 {
		t.Error("a login that was cancelled is stored")
	}
}

// TestCallerLeaves: a step is not cut off because whoever asked has gone.
func TestCallerLeaves(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	r := newRig(t, func(ctx context.Context, d *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error) {
		if in.Phase == auth.LoginStart {
			p := browser
			return auth.LoginOutput{Prompt: &p}, nil
		}
		leave()
		return auth.LoginOutput{Draft: d}, ctx.Err()
	})
	v, err := r.Start(ctx, draft(), redirect)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Callback(ctx, v.ID, "code=a&state="+stateOf(t, v), nil); err != nil || len(r.store.kept) != 1 {
		t.Errorf("%v, %d stored", err, len(r.store.kept))
	}
}

func TestE05ManyLogins(t *testing.T) {
	r := newRig(t, ask(browser))
	for range maxLogins {
		if _, err := r.Start(t.Context(), draft(), redirect); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Start(t.Context(), draft(), redirect); codeOf(err) != CodeBusy {
		t.Errorf("one more: %v", err)
	}
	r.clock.add(MaxTime)
	if _, err := r.Start(t.Context(), draft(), redirect); err != nil {
		t.Errorf("when the others are over: %v", err)
	}
	r.Close()
	r.Close()
	if _, err := r.Start(t.Context(), draft(), redirect); codeOf(err) != CodeCancelled {
		t.Errorf("after the end: %v", err)
	}
}

// TestParallel: logins that run side by side do not mix.
func TestParallel(t *testing.T) {
	r := newRig(t, func(_ context.Context, d *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error) {
		if in.Phase == auth.LoginStart {
			p := browser
			return auth.LoginOutput{Prompt: &p, State: []byte(d.Label)}, nil
		}
		if string(in.State) != d.Label || d.Metadata[auth.LoginCodeField] != "code-of-"+d.Label {
			t.Errorf("%s got another's state or code", d.Label)
		}
		return auth.LoginOutput{Draft: d}, nil
	})
	var wg sync.WaitGroup
	labels := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, label := range labels {
		wg.Go(func() {
			d := draft()
			d.Label = label
			v, err := r.Start(t.Context(), d, redirect)
			if err != nil {
				t.Error(err)
				return
			}
			v, err = r.Callback(t.Context(), v.ID, "code=code-of-"+label+"&state="+stateOf(t, v), nil)
			if err != nil || v.Auth.Label != label {
				t.Errorf("%s: %v", label, err)
			}
		})
	}
	wg.Wait()
	var got []string
	for _, a := range r.store.kept {
		got = append(got, a.Label)
	}
	slices.Sort(got)
	if diff := cmp.Diff(labels, got); diff != "" {
		t.Error(diff)
	}
}

func TestStartRefuses(t *testing.T) {
	r := newRig(t, ask(browser))
	if _, err := r.Start(t.Context(), &auth.Auth{Provider: "other"}, redirect); codeOf(err) != CodeUnsupported {
		t.Errorf("a provider without a login: %v", err)
	}
	if _, err := r.Start(t.Context(), draft(), ""); codeOf(err) != CodeInvalid {
		t.Errorf("a browser that nobody waits for: %v", err)
	}
	for _, bad := range []string{
		"https://127.0.0.1:1/x", "http://evil.example/x", "http://127.0.0.1.evil.example/x", "http://127.0.0.1@evil.example/",
		"http://0.0.0.0/x", "http://127.0.0.1/x?a=b", "http://127.0.0.1/x#f", "file:///x", "://",
	} {
		if _, err := r.Start(t.Context(), draft(), bad); codeOf(err) != CodeInvalid {
			t.Errorf("the redirect %s: %v", bad, err)
		}
	}
}

// TestNoted: whoever scrubs the log learns of secrets before they are used.
func TestNoted(t *testing.T) {
	var seen []string
	r := newRig(t, ask(browser))
	r.opts.Noted = func(a *auth.Auth) {
		for name := range a.Metadata {
			if !slices.Contains(seen, name) {
				seen = append(seen, name)
			}
		}
	}
	v, err := r.Start(t.Context(), draft(), redirect)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Callback(t.Context(), v.ID, "code=a&state="+stateOf(t, v), nil); err != nil {
		t.Fatal(err)
	}
	slices.Sort(seen)
	if diff := cmp.Diff([]string{"access_token", "code", "code_verifier", "state"}, seen); diff != "" {
		t.Error(diff)
	}
}
