package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// desk is what fake answers for the operator's commands.
type desk struct {
	change  AuthChange
	imports ImportRequest
	asked   []string
	login   LoginSpec
	// loginAnswer is the last answer to a login.
	loginAnswer LoginAnswer
	lines       []LogLine
	// follow is closed by a test to let a follower see more.
	follow chan LogLine
}

func (f *fake) note(what ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, what...)
}

func (f *fake) ListKeys(context.Context) ([]KeyView, error) {
	return []KeyView{{ID: "abcd1234", Name: "work", CreatedAt: time.Unix(1700000000, 0).UTC()}}, f.answer()
}

func (f *fake) RevokeKey(_ context.Context, id string) error {
	f.note("revoke", id)
	return f.answer()
}

func (f *fake) ShowAuth(_ context.Context, id string) (AuthDetail, error) {
	return AuthDetail{AuthView: AuthView{ID: id, State: StateCooling}, ExpiresAt: time.Unix(1800000000, 0).UTC(),
		Cooldowns: []Cooldown{{Model: "m", Until: time.Unix(1700000000, 0).UTC(), Status: 429, Quota: true}}}, f.answer()
}

func (f *fake) ChangeAuth(_ context.Context, ch AuthChange) (AuthView, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.change = ch
	return AuthView{ID: ch.ID, State: StateReady}, f.answer()
}

func (f *fake) ResetCooldown(_ context.Context, id, model string) (ResetResult, error) {
	f.note("reset", id, model)
	return ResetResult{Reset: true, Auth: AuthView{ID: id}}, f.answer()
}

func (f *fake) RefreshAuth(_ context.Context, id string) (AuthView, error) {
	f.note("refresh", id)
	return AuthView{ID: id}, f.answer()
}

func (f *fake) ImportAuths(_ context.Context, req ImportRequest) ([]ImportedFile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.imports = req
	return []ImportedFile{{Name: "a.json", State: ImportReady, Fields: []string{"api_key"}}}, f.answer()
}

func (f *fake) Status(context.Context) (Status, error) {
	return Status{Health: f.ready, Running: true, StreamsOpen: 2, States: map[string]int{StateReady: 1},
		Plugins: []PluginStatus{{ID: "echo", Faults: map[string]uint64{"trap": 1}}}, LastErrors: []Failure{{Auth: "a", Status: 429}}}, f.answer()
}

func (f *fake) Explain(_ context.Context, req ExplainRequest) (Explanation, error) {
	return Explanation{Model: req.Model, Providers: req.Providers, Strategy: "round_robin",
		Candidates: []Candidate{{ID: "a", Turn: 1, Verdict: "ready"}}}, f.answer()
}

func (f *fake) Logs(ctx context.Context, follow bool, emit func(LogLine) error) error {
	if err := f.answer(); err != nil {
		return err
	}
	for _, l := range f.lines {
		if err := emit(l); err != nil {
			return err
		}
	}
	for follow {
		select {
		case l := <-f.follow:
			if err := emit(l); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func ptr[T any](v T) *T { return &v }

func TestOperatorsCommandsOverTheSocket(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	f := &fake{ready: Health{Ready: true, Version: "1"}}
	serve(t, dir, f)
	c := dial(t, dir)

	keys, err := c.ListKeys(ctx)
	wantKeys, _ := f.ListKeys(ctx)
	same(t, "ListKeys", keys, wantKeys, err)

	id := "a/b?c=d&e#%2f\n../x"
	same(t, "RevokeKey", 0, 0, c.RevokeKey(ctx, id))
	detail, err := c.ShowAuth(ctx, id)
	wantDetail, _ := f.ShowAuth(ctx, id)
	same(t, "ShowAuth", detail, wantDetail, err)

	change := AuthChange{ID: id, Disabled: ptr(false), Set: map[string]string{"base_url": "u"}, Secrets: map[string]string{"api_key": "k"},
		Unset: []string{"x"}, Label: ptr(""), Prefix: ptr("p"), Priority: ptr(0), Models: ptr([]string{}), AllowPrivate: ptr(true), ProxyURL: ptr("")}
	view, err := c.ChangeAuth(ctx, change)
	same(t, "ChangeAuth", view, AuthView{ID: id, State: StateReady}, err)
	same(t, "the change", f.change, change, nil)
	if _, err := c.ChangeAuth(ctx, AuthChange{ID: id}); err != nil {
		t.Error(err)
	}
	same(t, "no change", f.change, AuthChange{ID: id}, nil)

	reset, err := c.ResetCooldown(ctx, id, "m")
	same(t, "ResetCooldown", reset, ResetResult{Reset: true, Auth: AuthView{ID: id}}, err)
	view, err = c.RefreshAuth(ctx, id)
	same(t, "RefreshAuth", view, AuthView{ID: id}, err)
	same(t, "asked", f.asked, []string{"revoke", id, "reset", id, "m", "refresh", id}, nil)

	req := ImportRequest{Files: []ImportFile{{Name: "a.json", Content: []byte("{}\x00")}}, Yes: true}
	files, err := c.ImportAuths(ctx, req)
	same(t, "ImportAuths", files, []ImportedFile{{Name: "a.json", State: ImportReady, Fields: []string{"api_key"}}}, err)
	same(t, "the files", f.imports, req, nil)

	status, err := c.Status(ctx)
	want, _ := f.Status(ctx)
	same(t, "Status", status, want, err)

	explain := ExplainRequest{Model: "team/m(high)", Providers: []string{"p", "q"}}
	got, err := c.Explain(ctx, explain)
	explained, _ := f.Explain(ctx, explain)
	same(t, "Explain", got, explained, err)
}

func TestImportIsBounded(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, &fake{})
	_, err := dial(t, dir).ImportAuths(t.Context(), ImportRequest{Files: []ImportFile{{Name: "a", Content: make([]byte, MaxImport+1)}}})
	if !errors.Is(err, &Error{Code: CodeInvalid}) || !strings.Contains(err.Error(), "in parts") {
		t.Errorf("%v", err)
	}
}

func TestLogsOverTheSocket(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	f := &fake{desk: desk{lines: []LogLine{{Line: "a \"b\""}, {Line: "c", Dropped: 7}}, follow: make(chan LogLine)}}
	serve(t, dir, f)
	c := dial(t, dir)
	var got []LogLine
	err := c.Logs(ctx, false, func(l LogLine) error { got = append(got, l); return nil })
	same(t, "the newest", got, f.lines, err)

	enough := errors.New("enough")
	got = nil
	go func() { f.follow <- LogLine{Line: "later"} }()
	err = c.Logs(ctx, true, func(l LogLine) error {
		if got = append(got, l); len(got) == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || got[2].Line != "later" {
		t.Errorf("%v, %v", got, err)
	}

	f.err = &Error{Code: CodeUnavailable, Message: "no log"}
	if err := c.Logs(ctx, true, nil); !errors.Is(err, &Error{Code: CodeUnavailable}) {
		t.Errorf("%v", err)
	}
	f.err, f.lines = nil, nil
	if err := c.Logs(ctx, false, nil); err != nil {
		t.Errorf("an empty log: %v", err)
	}
}

// TestFollowerDoesNotHoldUpTheEnd: a server that stops lets its followers go,
// with what they have not read yet.
func TestFollowerDoesNotHoldUpTheEnd(t *testing.T) {
	dir := t.TempDir()
	ln, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{desk: desk{lines: []LogLine{{Line: "ready"}}, follow: make(chan LogLine)}}
	srv := NewServer(f, nil)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	c := dial(t, dir)
	following, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- c.Logs(t.Context(), true, func(LogLine) error { close(following); return nil })
	}()
	<-following
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("the end took %v", took)
	}
	if err := <-ended; err != nil {
		t.Errorf("the follower got %v", err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestFaultA06CrossOriginAdmin: no route, whatever it does, answers what a
// browser can send.
func TestFaultA06CrossOriginAdmin(t *testing.T) {
	dir := t.TempDir()
	f := &fake{}
	serve(t, dir, f)
	routes := []struct{ method, target string }{
		{http.MethodGet, "/v1/keys"}, {http.MethodDelete, "/v1/keys?id=x"}, {http.MethodPost, "/v1/keys"},
		{http.MethodGet, "/v1/auths/one?id=x"}, {http.MethodPatch, "/v1/auths"}, {http.MethodPost, "/v1/auths/import"},
		{http.MethodPost, "/v1/auths/reset-cooldown"}, {http.MethodPost, "/v1/auths/refresh"},
		{http.MethodGet, "/v1/status"}, {http.MethodGet, "/v1/logs"}, {http.MethodGet, "/v1/nowhere"},
	}
	for _, headers := range []map[string]string{
		{}, {"Origin": "null", commandHeader: commandValue}, {"Origin": "http://patchbay", commandHeader: commandValue},
		{"Sec-Fetch-Site": "cross-site", commandHeader: commandValue}, {"Host": "rebound.example"},
	} {
		for _, r := range routes {
			if a := raw(t, dir, r.method, r.target, `{"id":"x"}`, headers); a.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s with %v: %d %s", r.method, r.target, headers, a.StatusCode, a.body)
			}
		}
	}
	if len(f.asked) != 0 || slices.Contains(f.ids, "x") {
		t.Errorf("an operation ran: %v %v", f.asked, f.ids)
	}
}

func (f *fake) ReloadConfig(context.Context) (Reloaded, error) {
	return Reloaded{Changed: []string{"log"}, NeedsRestart: []string{"listen"}, Warnings: []string{"w"}}, f.answer()
}

func TestReloadOverTheSocket(t *testing.T) {
	dir := t.TempDir()
	f := &fake{}
	serve(t, dir, f)
	got, err := dial(t, dir).ReloadConfig(t.Context())
	want, _ := f.ReloadConfig(t.Context())
	same(t, "ReloadConfig", got, want, err)
}
