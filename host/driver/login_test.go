package driver

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// loginManifest is that of a provider that one can log in at.
func loginManifest() *abi.Manifest {
	m := manifest()
	m.Provides.Providers[0].Login = true
	m.Credential.Fields["api_key"] = abi.CredentialField{}
	m.Credential.Fields["email"] = abi.CredentialField{Kind: abi.FieldPublic}
	m.Destinations = append(m.Destinations,
		abi.Destination{Name: "pages", Scheme: "https", Host: "login.example.com", PathPrefix: "/oauth", Methods: []string{"GET"}},
		abi.Destination{Name: "writes", Scheme: "https", Host: "write.example.com", Methods: []string{"POST"}})
	return m
}

func prompt(p abi.Prompt) abi.Action { return abi.Action{Which: abi.ActionIsPrompt, Prompt: &p} }

func patch(p abi.Patch) abi.Action { return abi.Action{Which: abi.ActionIsPatch, Patch: &p} }

func draftOf(base string) *auth.Auth {
	a := credential(base)
	a.Attributes["region"] = "eu"
	a.Metadata = map[string]any{auth.LoginCodeField: "code-0123456789", auth.LoginVerifierField: "verifier-0123456789"}
	return a
}

func TestLoginPrompts(t *testing.T) {
	const page = "https://login.example.com/oauth/authorize"
	for name, c := range map[string]struct {
		prompt abi.Prompt
		phase  auth.LoginPhase
		want   *auth.LoginPrompt
		broken string
	}{
		"device": {prompt: abi.Prompt{Kind: abi.PromptKindDevice, URL: page, UserCode: "AB-CD", IntervalMS: 5000, ExpiresMS: 600_000, Step: "wait", Message: "Enter\nthe code"},
			want: &auth.LoginPrompt{Kind: auth.LoginDevice, URL: page, UserCode: "AB-CD", Interval: 5 * time.Second, Expires: 10 * time.Minute, Step: "wait", Message: "Enter the code"}},
		"device, still waiting": {prompt: abi.Prompt{Kind: abi.PromptKindDevice}, phase: auth.LoginPoll, want: &auth.LoginPrompt{Kind: auth.LoginDevice}},
		"device without a page": {prompt: abi.Prompt{Kind: abi.PromptKindDevice}, broken: "not one of http"},
		"browser":               {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: page + "?scope=a"}, want: &auth.LoginPrompt{Kind: auth.LoginBrowser, URL: page + "?scope=a"}},
		"form": {prompt: abi.Prompt{Kind: abi.PromptKindForm, Fields: []abi.PromptField{
			{Name: "api_key", Label: "Key", Secret: true, Required: true}, {Name: "email"}, {Name: "plan"}}},
			want: &auth.LoginPrompt{Kind: auth.LoginForm, Fields: []auth.LoginField{
				{Name: "api_key", Label: "Key", Secret: true, Required: true}, {Name: "email", Stored: true}, {Name: "plan"}}}},
		"paste of a page":          {prompt: abi.Prompt{Kind: abi.PromptKindPaste, URL: page}, want: &auth.LoginPrompt{Kind: auth.LoginPaste, URL: page}},
		"paste of a field":         {prompt: abi.Prompt{Kind: abi.PromptKindPaste, Fields: []abi.PromptField{{Name: "api_key", Secret: true}}}, want: &auth.LoginPrompt{Kind: auth.LoginPaste, Fields: []auth.LoginField{{Name: "api_key", Secret: true}}}},
		"paste of two":             {prompt: abi.Prompt{Kind: abi.PromptKindPaste, Fields: []abi.PromptField{{Name: "email"}, {Name: "plan"}}}, broken: "one text"},
		"nobody is there":          {prompt: abi.Prompt{Kind: abi.PromptKindForm, Fields: []abi.PromptField{{Name: "email"}}}, phase: auth.LoginCancel, broken: "nobody"},
		"form with a page":         {prompt: abi.Prompt{Kind: abi.PromptKindForm, URL: page}, broken: "no url"},
		"form without fields":      {prompt: abi.Prompt{Kind: abi.PromptKindForm}, broken: "fields go with"},
		"fields in a browser":      {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: page, Fields: []abi.PromptField{{Name: "email"}}}, broken: "fields go with"},
		"the same field twice":     {prompt: abi.Prompt{Kind: abi.PromptKindForm, Fields: []abi.PromptField{{Name: "email"}, {Name: "email"}}}, broken: "twice"},
		"a destination":            {prompt: abi.Prompt{Kind: abi.PromptKindForm, Fields: []abi.PromptField{{Name: "base_url"}}}, broken: "only the operator sets"},
		"a setting of the host":    {prompt: abi.Prompt{Kind: abi.PromptKindForm, Fields: []abi.PromptField{{Name: "allow_private"}}}, broken: "the operator's"},
		"a secret shown":           {prompt: abi.Prompt{Kind: abi.PromptKindForm, Fields: []abi.PromptField{{Name: "api_key"}}}, broken: "if and only if"},
		"an unknown secret":        {prompt: abi.Prompt{Kind: abi.PromptKindForm, Fields: []abi.PromptField{{Name: "pin", Secret: true}}}, broken: "if and only if"},
		"a secret's name":          {prompt: abi.Prompt{Kind: abi.PromptKindForm, Fields: []abi.PromptField{{Name: "password"}}}, broken: "name of a secret"},
		"the code":                 {prompt: abi.Prompt{Kind: abi.PromptKindForm, Fields: []abi.PromptField{{Name: "code", Secret: true}}}, broken: "the host's"},
		"another host":             {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: "https://evil.example/oauth"}, broken: "no destination"},
		"a host behind a dot":      {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: "https://login.example.com.evil.example/oauth"}, broken: "no destination"},
		"another port":             {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: "https://login.example.com:444/oauth"}, broken: "no destination"},
		"another scheme":           {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: "http://login.example.com/oauth"}, broken: "no destination"},
		"outside of the path":      {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: "https://login.example.com/other"}, broken: "no destination"},
		"out of the path":          {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: "https://login.example.com/oauth/%2e%2e/other"}, broken: "no destination"},
		"a place to write":         {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: "https://write.example.com/x"}, broken: "no destination"},
		"a user":                   {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: "https://login.example.com@evil.example/oauth"}, broken: "without a user"},
		"a fragment":               {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: page + "#x"}, broken: "fragment"},
		"script":                   {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: "javascript:alert(1)"}, broken: "http"},
		"a file":                   {prompt: abi.Prompt{Kind: abi.PromptKindDevice, URL: "file:///etc/passwd"}, broken: "http"},
		"A-17 its own state":       {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: page + "?state=mine"}, broken: "state is the host's"},
		"A-17 its own challenge":   {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: page + "?code_challenge_method=plain"}, broken: "the host's"},
		"A-17 open redirect":       {prompt: abi.Prompt{Kind: abi.PromptKindBrowser, URL: page + "?redirect_uri=https%3A%2F%2Fevil.example"}, broken: "redirect_uri is the host's"},
		"A-14 a secret in the url": {prompt: abi.Prompt{Kind: abi.PromptKindDevice, URL: page + "?x=verifier-0123456789"}, broken: "holds a secret"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.phase == "" {
				c.phase = auth.LoginStart
			}
			e := newExecutor(t, always(prompt(c.prompt)), loginManifest())
			out, err := e.Login(t.Context(), draftOf("https://api.example.com"), auth.LoginInput{Phase: c.phase})
			if c.broken != "" {
				if err == nil || !strings.Contains(err.Error(), c.broken) {
					t.Fatalf("%v, want %q", err, c.broken)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, out.Prompt); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLoginSteps: requests, steps and state go on as in an attempt, and what a
// guest is told holds neither the code nor the verifier.
func TestLoginSteps(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(`{"echo":"code-0123456789","email":"ada@example.com"}`))
	})
	label := "Ada"
	g := &fakeGuest{
		answer: func(n int, c call) []abi.Action {
			switch n {
			case 0:
				return send(abi.Send{Deliver: abi.DeliverWhole, Step: "who", Request: &abi.Request{Method: "GET", URL: &abi.Url{Base: "base_url"}}})
			default:
				if body := string(c.resume.Response.Body); strings.Contains(body, "0123456789") {
					t.Errorf("a guest sees the code: %s", body)
				}
				if c.resume.Op != abi.OpLogin || c.resume.Step != "who" || string(c.resume.State) != "s0" {
					t.Errorf("resume: %+v", c.resume)
				}
				return []abi.Action{patch(abi.Patch{Revision: c.resume.Attempt.Credential.Revision, Set: []abi.Pair{{Name: "email", Value: "ada@example.com"}}, Delete: []string{"other"}, Label: &label})}
			}
		},
		state: func(int) []byte { return []byte("s0") },
	}
	e := newExecutor(t, g, loginManifest())
	draft := draftOf(s.URL)
	draft.Metadata["other"] = "needed once"
	out, err := e.Login(t.Context(), draft, auth.LoginInput{Phase: auth.LoginCallback})
	if err != nil {
		t.Fatal(err)
	}
	if out.Prompt != nil || out.Draft.Attributes["email"] != "ada@example.com" || out.Draft.Label != "Ada" || out.Draft.Metadata["other"] != nil {
		t.Errorf("draft: %+v, prompt %+v", out.Draft.Attributes, out.Prompt)
	}
	if draft.Attributes["email"] != "" || draft.Metadata["other"] == nil {
		t.Error("the draft that was given was changed")
	}
}

func TestLoginRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		actions []abi.Action
		broken  string
	}{
		"a patch of a secret":      {[]abi.Action{patch(abi.Patch{Set: []abi.Pair{{Name: "api_key", Value: "x"}}})}, "patch"},
		"a patch of a destination": {[]abi.Action{patch(abi.Patch{Set: []abi.Pair{{Name: "base_url", Value: "https://evil.example"}}})}, "patch"},
		"a patch of a setting":     {[]abi.Action{patch(abi.Patch{Set: []abi.Pair{{Name: "allow_private", Value: "true"}}})}, "patch"},
		"a patch of a pattern":     {[]abi.Action{patch(abi.Patch{Set: []abi.Pair{{Name: "project", Value: "UPPER"}}})}, "project"},
		"a patch of another":       {[]abi.Action{patch(abi.Patch{Revision: 7})}, "another revision"},
		"a stream":                 {send(abi.Send{Deliver: abi.DeliverPass, Request: &abi.Request{Method: "GET", URL: &abi.Url{Base: "base_url"}}}), "whole answers and exchanges"},
		"a reply":                  {[]abi.Action{reply("x")}, "may not answer"},
		"fail":                     {[]abi.Action{fail(abi.Fail{Code: "auth_invalid", Message: "no such account"})}, "no such account"},
	} {
		t.Run(name, func(t *testing.T) {
			g := &fakeGuest{answer: func(_ int, asked call) []abi.Action {
				if p := c.actions[0].Patch; p != nil && p.Revision == 0 {
					p.Revision = asked.login.Credential.Revision
				}
				return c.actions
			}}
			e := newExecutor(t, g, loginManifest())
			_, err := e.Login(t.Context(), draftOf("https://api.example.com"), auth.LoginInput{Phase: auth.LoginStart})
			if err == nil || !strings.Contains(err.Error(), c.broken) {
				t.Errorf("%v, want %q", err, c.broken)
			}
		})
	}
	without := manifest()
	e := newExecutor(t, always(), without)
	if _, err := e.Login(t.Context(), draftOf("https://api.example.com"), auth.LoginInput{}); err == nil || !strings.Contains(err.Error(), auth.CodeNotSupported) {
		t.Errorf("a provider without a login: %v", err)
	}
}
