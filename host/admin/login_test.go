package admin

import (
	"context"
	"net/http"
	"testing"
	"time"
)

func (f *fake) LoginInfo(_ context.Context, provider string) (LoginInfo, error) {
	return LoginInfo{Provider: provider, Redirect: "http://localhost:1455/back"}, f.answer()
}

func (f *fake) StartLogin(_ context.Context, spec LoginSpec) (LoginState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.login = spec
	return loginState, f.answer()
}

func (f *fake) ContinueLogin(_ context.Context, answer LoginAnswer) (LoginState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loginAnswer = answer
	return LoginState{ID: answer.ID, Auth: &AuthView{ID: "a", Provider: "echo"}}, f.answer()
}

func (f *fake) CancelLogin(_ context.Context, id string) error {
	f.note("cancel", id)
	return f.answer()
}

var loginState = LoginState{ID: "l", PollIn: 5 * time.Second, Ends: time.Unix(1700000000, 0).UTC(), Prompt: &LoginPrompt{
	Kind: LoginForm, Message: "m", URL: "https://login.example/?a=b&c=<d>", UserCode: "AB-CD",
	Fields: []LoginField{{Name: "api_key", Label: "Key", Secret: true, Required: true}},
}}

func TestLoginsOverTheSocket(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	f := &fake{}
	serve(t, dir, f)
	c := dial(t, dir)
	info, err := c.LoginInfo(ctx, "a b&c=d")
	same(t, "LoginInfo", info, LoginInfo{Provider: "a b&c=d", Redirect: "http://localhost:1455/back"}, err)
	spec := LoginSpec{Provider: "p", Label: "l", Set: map[string]string{"region": "eu"}, AllowPrivate: true, ProxyURL: "http://u:p@h", Replace: "id", Redirect: "http://127.0.0.1:1/x"}
	state, err := c.StartLogin(ctx, spec)
	same(t, "StartLogin", state, loginState, err)
	same(t, "the login", f.login, spec, nil)
	for name, answer := range map[string]LoginAnswer{
		"poll":         {ID: "l", Poll: true},
		"callback":     {ID: "l", Query: ptr("code=a&state=b%00"), Header: http.Header{"User-Agent": {"x", "y"}}},
		"paste":        {ID: "l", Paste: ptr("")},
		"form":         {ID: "l", Fields: map[string]string{"api_key": "sk-\n\"x"}},
		"unknown kind": {ID: "l"},
	} {
		state, err := c.ContinueLogin(ctx, answer)
		same(t, name, state, LoginState{ID: "l", Auth: &AuthView{ID: "a", Provider: "echo"}}, err)
		same(t, name+": the answer", f.loginAnswer, answer, nil)
	}
	same(t, "CancelLogin", 0, 0, c.CancelLogin(ctx, "x&y=z"))
	same(t, "asked", f.asked, []string{"cancel", "x&y=z"}, nil)
	f.err = &Error{Code: CodeLogin, Message: "the login was refused"}
	_, err = c.StartLogin(ctx, spec)
	same(t, "a failed login", err, f.err, nil)
}
