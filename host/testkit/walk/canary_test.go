package walk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/boltstore"
	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/login"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/testkit/canary"
	"github.com/patchbay-dev/patchbay/host/testkit/walk"
	"github.com/patchbay-dev/patchbay/plugins"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// example is where an example's guest is.
func example(name string) string { return filepath.Join("..", "..", "..", "examples", name) }

// heard is a guest, and all that it was ever given.
type heard struct {
	abi.Guest
	mu  sync.Mutex // guards what follows
	ops map[abi.Op]int
	all []byte
}

func (h *heard) Call(ctx context.Context, op abi.Op, input, dst []byte) ([]byte, error) {
	h.mu.Lock()
	h.ops[op]++
	h.all = append(append(h.all, input...), 0)
	h.mu.Unlock()
	return h.Guest.Call(ctx, op, input, dst)
}

// late is a hook that is set when its plugin runs.
type late struct{ auth.Hook }

func (l *late) OnAuthRegistered(ctx context.Context, a *auth.Auth) {
	if l.Hook != nil {
		l.Hook.OnAuthRegistered(ctx, a)
	}
}

func (l *late) OnAuthUpdated(ctx context.Context, a *auth.Auth) {
	if l.Hook != nil {
		l.Hook.OnAuthUpdated(ctx, a)
	}
}

func (l *late) OnResult(ctx context.Context, r auth.Result) {
	if l.Hook != nil {
		l.Hook.OnResult(ctx, r)
	}
}

// sealed is a whole server without its front: examples and walks in the
// sandbox, a store on disk, and a careless world.
type sealed struct {
	*walk.World
	*careless
	t       *testing.T
	log     *log
	said    *log // what clients and operators were told
	dirs    []string
	guests  map[string]*heard
	drivers map[string]*driver.Executor
	hooks   []auth.PostAuthHook
	key     string // a service account's file
	now     time.Time
}

func newSealed(t *testing.T) *sealed {
	t.Helper()
	dir := t.TempDir()
	store, err := boltstore.Open(t.Context(), boltstore.Options{Path: filepath.Join(dir, "patchbay.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &sealed{
		careless: &careless{t: t, set: &canary.Set{}, status: http.StatusOK},
		t:        t, log: &log{}, said: &log{}, dirs: []string{dir}, guests: map[string]*heard{}, drivers: map[string]*driver.Executor{}, now: time.Now(),
	}
	hook := &late{}
	s.World = walk.New(t, func(o *host.Options) {
		o.Store, o.Hook, o.Logger, o.Cooldown = store, hook, s.logger(), settings.Cooldown{Disabled: true}
	})
	for _, name := range []string{"api.example.com", "login.example.com", "oauth2.googleapis.com", "oauth.example.com", "europe-west4-aiplatform.googleapis.com"} {
		s.Host(name, s.ServeHTTP)
	}
	var pem string
	s.key, pem = keyFile(t)
	s.set.Add("private key", pem)
	s.serve(hook)
	return s
}

// keyFile is a service account's file, and a line of the key in it.
func keyFile(t *testing.T) (file, line string) {
	file, _ = serviceAccount(t)
	_, rest, _ := strings.Cut(file, "PRIVATE KEY-----")
	return file, strings.Split(rest, `\n`)[2]
}

// logger writes everything, and redacts nothing: what is told to it must be
// clean already.
func (s *sealed) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// load loads a guest and listens to it.
func (s *sealed) load(name, dir, config string) (*heard, *plugins.Plugin, driver.Options) {
	s.t.Helper()
	p := walk.Load(s.t, dir, []byte(config), s.logged)
	return s.listen(name, p)
}

func (s *sealed) logged(o *plugins.Options) {
	o.Log = func(plugin string, level abi.LogLevel, line string) { fmt.Fprintln(s.log, plugin, level, line) }
	s.dirs = append(s.dirs, o.Dir)
}

func (s *sealed) listen(name string, p *plugins.Plugin) (*heard, *plugins.Plugin, driver.Options) {
	h := &heard{Guest: p, ops: map[abi.Op]int{}}
	s.guests[name] = h
	return h, p, driver.Options{Door: s.Door, HostVersion: "test", ConfigSecret: p.Secret, Logger: s.logger()}
}

// serve loads every example and every walk.
func (s *sealed) serve(hook *late) {
	s.t.Helper()
	fail := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	intercept := map[string][]*driver.Interceptor{}
	provide := func(name, dir, config string) (*heard, *plugins.Plugin, driver.Options) {
		h, p, o := s.load(name, dir, config)
		o.Intercept = func(provider string) ([]*driver.Interceptor, error) { return intercept[provider], nil }
		e, err := driver.New(h, p.Manifest(), p.Manifest().Provides.Providers[0], o)
		fail(err)
		s.Manager.RegisterExecutor(e)
		s.drivers[p.Manifest().Provides.Providers[0].Key] = e
		return h, p, o
	}
	for _, name := range []string{"vertex", "jobs", "envelope", "hidden", "tokens"} {
		provide(name, at(name), "")
	}
	provide("echo", example("echo"), "")
	provide("openai-compatible", example("openai-compatible"), "")
	provide("device-login", example("device-login"), `{"client_id":"test-client"}`)
	provide("oauth-messages", example("oauth-messages"), `{"client_id":"test-client","client_secret":"`+strings.ReplaceAll(s.mint("client_secret"), `"`, `\"`)+`"}`)
	red, redPlugin, redOptions := provide("redteam", at("redteam"), `{"client_secret":"`+strings.ReplaceAll(s.mint("client_secret"), `"`, `\"`)+`"}`)

	m := redPlugin.Manifest()
	touch, err := driver.NewInterceptor(red, m, m.Provides.Preparers[0], redOptions)
	fail(err)
	intercept["redteam"] = []*driver.Interceptor{touch}
	h, p, o := s.load("hmac", at("hmac"), `{"key":"`+strings.ReplaceAll(s.mint("hmac_key"), `"`, `\"`)+`"}`)
	sign, err := driver.NewInterceptor(h, p.Manifest(), p.Manifest().Provides.Preparers[0], o)
	fail(err)
	intercept["envelope"] = []*driver.Interceptor{sign}

	watch, err := driver.NewObserver(red, m, m.Provides.Observers[0], redOptions)
	fail(err)
	s.t.Cleanup(func() {
		if err := watch.Close(context.Background()); err != nil {
			s.t.Error(err)
		}
	})
	hook.Hook = watch

	schema := func(provider string) *abi.Manifest { return s.drivers[provider].Manifest() }
	postAuth := func(h *heard, p *plugins.Plugin, o driver.Options) {
		check, err := driver.NewPostAuth(h, p.Manifest(), p.Manifest().Provides.PostAuth[0], schema, o)
		fail(err)
		s.hooks = append(s.hooks, check.Check)
	}
	postAuth(s.load("mail-gate", example("mail-gate"), `{"domains":["example.com"]}`))
	wasm, err := os.ReadFile("../../../plugins/extism/testdata/hook.wasm")
	fail(err)
	manifest, err := os.ReadFile(filepath.Join(example("assemblyscript-hook"), "manifest.json"))
	fail(err)
	wasm, err = meter.WithCustom(wasm, abi.ManifestSection, manifest)
	fail(err)
	foreign, err := walk.LoadModule(s.t, wasm, []byte(`{"domain":"example.com"}`), s.logged, func(o *plugins.Options) {
		o.CacheDir = s.t.TempDir() // this one compiles in no time, so that what is cached can be searched
		s.dirs = append(s.dirs, o.CacheDir)
	})
	fail(err)
	postAuth(s.listen("assemblyscript-hook", foreign))
}

// secretFields are the secrets of each provider's credentials.
var secretFields = map[string][]string{
	"vertex": nil, "echo": nil,
	"jobs": {"api_key"}, "envelope": {"api_key"}, "hidden": {"api_key"}, "tokens": {"api_key"}, "openai-compatible": {"api_key"},
	"device-login": {"access_token", "refresh_token"}, "oauth-messages": {"access_token", "refresh_token"},
	"redteam": {"api_key", "access_token", "refresh_token", "hmac_key"},
}

// account makes a credential whose secrets are like no other's, and registers
// it.
func (s *sealed) account(id, provider string) *auth.Auth {
	s.t.Helper()
	a := &auth.Auth{ID: id, Provider: provider, Attributes: map[string]string{}, Metadata: map[string]any{}}
	fields := s.drivers[provider].Manifest().Credential.Fields
	for name, v := range map[string]string{
		"base_url": "https://api.example.com/v1", "login_url": "https://login.example.com", "project": "p", "project_id": "project-1",
		"location": "europe-west4", "email": "ada@example.com", "way": "an echo",
	} {
		if _, ok := fields[name]; ok {
			a.Attributes[name] = v
		}
	}
	for _, name := range secretFields[provider] {
		a.Metadata[name] = s.mint(name)
	}
	if _, ok := fields["service_account"]; ok {
		a.Metadata["service_account"] = s.key
	}
	s.Credential(a)
	return a
}

// tell keeps what somebody was told, and all that an error says.
func (s *sealed) tell(what string, parts ...any) {
	for _, p := range parts {
		fmt.Fprintf(s.said, "%s: %v\n", what, p)
		if err, ok := p.(error); ok {
			if u, ok := errors.AsType[*executor.UpstreamError](err); ok {
				fmt.Fprintf(s.said, "%s: %s %s %s\n", what, u.Message, u.Code, u.Body)
			}
			if p, ok := errors.AsType[*driver.PluginError](err); ok {
				fmt.Fprintf(s.said, "%s: %v %v\n", what, p.Public, p.Call)
			}
		}
	}
}

// passes are the providers whose good answers go to the client as they are:
// nobody looks into those.
var passes = map[string]bool{"vertex": true, "envelope": true, "openai-compatible": true, "device-login": true, "tokens": true}

// ops drives every op of a provider with one credential.
func (s *sealed) ops(provider string, a *auth.Auth) {
	s.t.Helper()
	ctx := executor.WithRoundTripper(s.t.Context(), s.Internet)
	whole := func(what, got string, err error) {
		if err != nil || !passes[provider] {
			s.tell(provider+" "+what, got, err)
		}
	}
	got, err := s.Ask(provider, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`)
	whole("execute", got, err)
	got, err = s.Stream(provider, chat)
	whole("stream", got, err)
	count, err := s.Manager.ExecuteCount(s.t.Context(), []string{provider}, executor.Request{Model: "m", Payload: []byte(chat)}, executor.Options{})
	s.tell(provider+" count", string(count.Payload), err)
	list, err := s.drivers[provider].Models(ctx, a)
	s.tell(provider+" models", list, err)
	_, err = s.Manager.RefreshAuth(s.t.Context(), a.ID)
	s.tell(provider+" refresh", err)
	got, err = s.Ask(provider, `{"model":"m","messages":[]}`) // with what the refresh brought
	whole("execute", got, err)
	if req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "https://api.example.com/v1/files", strings.NewReader("x")); err == nil {
		resp, err := s.Manager.HttpRequest(s.t.Context(), a, req)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body) // it is the program's own request
			resp.Body.Close()
		}
		s.tell(provider+" http request", err)
	}
	for _, hook := range s.hooks {
		s.tell(provider+" hook", hook(auth.WithOrigin(s.t.Context(), auth.OriginCLI), a.Clone()))
	}
	if kept, ok := s.Manager.GetByID(a.ID); ok {
		s.tell(provider+" record", kept, kept.StatusMessage, kept.LastError)
	}
	s.Manager.CloseExecutionSession(a.ID)
}

// leave is a client that leaves while a job is polled, so that it is cancelled.
func (s *sealed) leave() {
	s.t.Helper()
	a := s.account("left", "jobs")
	ctx, leave := context.WithCancel(s.t.Context())
	s.Host("api.example.com", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			leave()
		}
		s.ServeHTTP(w, r)
	})
	_, err := s.Manager.Execute(ctx, []string{"jobs"}, executor.Request{Model: "m", Payload: []byte(`{"model":"m"}`)}, executor.Options{})
	s.tell("jobs left", err)
	s.Host("api.example.com", s.ServeHTTP)
	e := s.drivers["jobs"]
	e.Retire()
	if err := e.Drain(s.t.Context()); err != nil {
		s.t.Error(err)
	}
	s.forget(a)
}

func (s *sealed) forget(a *auth.Auth) {
	if err := s.Manager.Remove(s.t.Context(), a.ID); err != nil {
		s.t.Error(err)
	}
}

// transported is a login provider whose requests go to the Internet.
type transported struct {
	*driver.Executor
	to http.RoundTripper
}

func (p transported) Login(ctx context.Context, draft *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error) {
	return p.Executor.Login(executor.WithRoundTripper(ctx, p.to), draft, in)
}

// logins goes through both kinds of login while answers are as they are.
func (s *sealed) logins(broken func()) {
	s.t.Helper()
	logins := login.New(login.Options{
		Provider:  func(p string) (auth.LoginProvider, string) { return transported{s.drivers[p], s.Internet}, "v1" },
		Hooks:     func() []auth.PostAuthHook { return s.hooks },
		Registrar: s.Manager, Logger: s.logger(), Now: func() time.Time { return s.now },
	})
	defer logins.Close()
	places := map[string]string{"base_url": "https://api.example.com/v1", "login_url": "https://login.example.com"}
	end := func(v login.View, err error) {
		s.tell("login", err)
		if v.Auth != nil {
			s.tell("login", v.Auth)
			s.forget(v.Auth)
		}
	}

	v, err := logins.Start(s.t.Context(), &auth.Auth{Provider: "oauth-messages", Attributes: places}, "http://127.0.0.1:4711/callback")
	if err != nil {
		s.t.Fatal(err)
	}
	page, err := url.Parse(v.Prompt.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	state := page.Query().Get("state")
	s.set.Add("state", state)
	broken()
	end(logins.Callback(s.t.Context(), v.ID, url.Values{"code": {s.mint("code")}, "state": {state}}.Encode(),
		http.Header{"Cookie": {s.mint("cookie")}, "Authorization": {s.mint("browser's key")}, "User-Agent": {"browser"}}))

	s.be(http.StatusOK, false, false)
	if v, err = logins.Start(s.t.Context(), &auth.Auth{Provider: "device-login", Attributes: places}, ""); err != nil {
		s.t.Fatal(err)
	}
	s.tell("login", v.Prompt)
	broken()
	s.now = s.now.Add(time.Minute)
	end(logins.Poll(s.t.Context(), v.ID))
}

// TestA16NothingLeaks drives every op of every example and every walk in a
// careless world, in good days and bad: requests, models, counts, refreshes,
// logins, hooks, interceptors, an observer. Then it searches all that any guest
// was given, every log line, which no logger has redacted, what clients and
// operators were told, and every file, for each secret that there was: those of
// credentials and configurations, those that were fetched, and those that the
// host made.
func TestA16NothingLeaks(t *testing.T) {
	s := newSealed(t)
	for n, c := range []struct {
		status       int
		packed, torn bool
	}{
		{200, false, false}, {200, true, true}, {200, false, true}, {302, false, false}, {307, true, false}, {400, true, true}, {401, false, false},
		{403, true, false}, {404, false, true}, {429, true, true}, {500, false, false}, {503, true, true},
	} {
		for provider := range secretFields {
			s.be(c.status, c.packed, c.torn)
			a := s.account(fmt.Sprint(provider, "-", n), provider)
			s.ops(provider, a)
			s.forget(a)
		}
		s.be(http.StatusOK, false, false)
		s.logins(func() { s.be(c.status, c.packed, c.torn) })
	}
	s.be(http.StatusOK, false, false)
	s.leave()
	s.driven()
	s.search()
}

// driven holds that the canaries took the ways that they should.
func (s *sealed) driven() {
	s.t.Helper()
	ops := map[abi.Op]int{}
	for name, h := range s.guests {
		h.mu.Lock()
		for op, n := range h.ops {
			ops[op] += n
		}
		if len(h.ops) == 0 {
			s.t.Errorf("%s heard nothing", name)
		}
		h.mu.Unlock()
	}
	for _, op := range []abi.Op{
		abi.OpExecute, abi.OpEvents, abi.OpResume, abi.OpModels, abi.OpRefresh, abi.OpLogin, abi.OpPostAuth, abi.OpIntercept,
		abi.OpPrepareRequest, abi.OpCancel, abi.OpObserve,
	} {
		if ops[op] == 0 {
			s.t.Errorf("op %s was not driven", op)
		}
	}
	if n := s.set.Len(); n < 300 {
		s.t.Errorf("there were %d secrets only", n)
	}
	arrived := len(s.Arrived())
	if arrived < 300 || !strings.Contains(s.said.String(), "[redacted]") {
		s.t.Errorf("%d requests arrived; what was said: %.2000s", arrived, s.said)
	}
	s.t.Logf("%d secrets, %d requests, ops %v", s.set.Len(), arrived, ops)
}

// search looks everywhere.
func (s *sealed) search() {
	s.t.Helper()
	for _, found := range s.found() {
		s.t.Error(found)
	}
}

func (s *sealed) found() (all []string) {
	s.t.Helper()
	add := func(where string, found []string) {
		for _, f := range found {
			all = append(all, where+": "+f)
		}
	}
	for name, h := range s.guests {
		h.mu.Lock()
		add("the guest "+name, s.set.Find(h.all))
		h.mu.Unlock()
	}
	add("the log", s.set.Find([]byte(s.log.String())))
	add("what was said", s.set.Find([]byte(s.said.String())))
	for _, dir := range s.dirs {
		found, err := s.set.FindFiles(dir, nil)
		if err != nil {
			s.t.Error(err)
		}
		add("files", found)
	}
	return all
}

// TestA16ALeakIsFound: the search is worth something. A plugin that may read a
// key, and does, is found in what it heard and in what it said; one that puts
// it into its log, there.
func TestA16ALeakIsFound(t *testing.T) {
	s := &sealed{
		World: walk.New(t), careless: &careless{t: t, set: &canary.Set{}, status: http.StatusOK}, t: t,
		log: &log{}, said: &log{}, guests: map[string]*heard{}, drivers: map[string]*driver.Executor{},
	}
	p, err := walk.TryLoadWith(t, at("redteam"), func(manifest []byte) []byte {
		return []byte(strings.NewReplacer(`"observe"]`, `"observe", "secrets_readable"]`,
			`"reason": "to try what it may not"}`, `"reason": "to try"}, {"name": "secrets_readable", "reason": "to leak it", "fields": ["api_key"]}`).Replace(string(manifest)))
	}, s.logged)
	if err != nil {
		t.Fatal(err)
	}
	h, _, o := s.listen("redteam", p)
	e, err := driver.New(h, p.Manifest(), p.Manifest().Provides.Providers[0], o)
	if err != nil {
		t.Fatal(err)
	}
	s.Manager.RegisterExecutor(e)
	s.drivers["redteam"] = e
	file, _ := serviceAccount(t)
	s.key = file
	a := s.account("leak", "redteam")
	a.Attributes["way"] = "a field that is sealed"
	if _, err := s.Manager.Update(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	got, err := s.Ask("redteam", `{"model":"m"}`)
	s.tell("reply", got, err)
	fmt.Fprintln(s.log, a.Metadata["api_key"])
	s.dirs = append(s.dirs, t.TempDir())
	if err := os.WriteFile(filepath.Join(s.dirs[len(s.dirs)-1], "core"), []byte(fmt.Sprint(a.Metadata)), 0o600); err != nil {
		t.Fatal(err)
	}
	found := strings.Join(s.found(), "\n")
	for _, where := range []string{"the guest redteam: the api_key, raw", "what was said: the api_key, raw", "the log: the api_key, raw", "files: core: the refresh_token, raw"} {
		if !strings.Contains(found, where) {
			t.Errorf("not found: %s\n%s", where, found)
		}
	}
	if strings.Contains(found, "the guest redteam: the hmac_key") {
		t.Errorf("the plugin was given more than it asked for:\n%s", found)
	}
}
