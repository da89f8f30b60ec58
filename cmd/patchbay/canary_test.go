package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/config"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/gateway"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/telemetry"
	"github.com/patchbay-dev/patchbay/host/testkit/canary"
	"github.com/patchbay-dev/patchbay/host/testkit/upstream"
)

// Canaries: values that occur nowhere else, with characters that each way of
// writing them writes differently.
const (
	canaryStored   = `sk-canary-stored/Zq8+&="<x>%41\y`
	canaryDeclared = `sk-canary-declared/Wp3+&="<x>%42\z`
	canaryProxy    = `canary-proxy-Tr5aLw9`
	canaryGuess    = `pb_canary0_guessJk2fPq7Xv1Bn5Mz8`
	canaryPrompt   = `canary-prompt-Hd6uYc4`
	canaryHeader   = `canary-header-Nb7eRt3`
	canaryQuery    = `canary-query-Vx1sGm6`
	canaryFile     = `canary-file-Ul9oKw2`
	canaryVariable = `canary-variable-Qe4iDz8`
)

// clean fails the test for each canary in a text.
func clean(t *testing.T, where, text string, canaries map[string]string) {
	t.Helper()
	for name, value := range canaries {
		for form, spelled := range canary.Spellings(value) {
			if at := strings.Index(text, spelled); at >= 0 {
				t.Errorf("%s: the %s is there, %s: …%q…", where, name, form, text[max(0, at-120):min(len(text), at+len(spelled)+60)])
			}
		}
	}
}

// echoing answers with what a careless provider says of a wrong key: the key, in
// every spelling that somebody might choose, as JSON with or without the escapes
// for HTML.
func echoing(status int, html bool) upstream.Answer {
	return func(w http.ResponseWriter, r *upstream.Request) {
		key := r.Key()
		said := []string{key, "Bearer " + key, url.QueryEscape(key), url.PathEscape(key), hex.EncodeToString([]byte(key)), strings.ToUpper(hex.EncodeToString([]byte(key)))}
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
			for _, text := range []string{key, "u:" + key, "user:" + key + ":tail", "xy:" + key + "!"} {
				said = append(said, enc.EncodeToString([]byte(text)))
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-Id", key)
		w.WriteHeader(status)
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(html)
		// A client that leaves is told nothing.
		_ = enc.Encode(map[string]any{"error": map[string]any{"message": strings.Join(said, " "), "type": key, "code": key, "param": said}})
	}
}

// TestCanaries drives secrets down every way that a running server has, and then
// looks for them in all that it says of itself: its log, its metrics, its health
// and status, what the operator's commands show, and the errors of clients.
func TestCanaries(t *testing.T) {
	plugin, _ := examples(t)
	up := upstream.New(t, "stored")
	n := start(t, t.TempDir(), func(c *settings.Config) { c.Log.Level, c.Cooldown.Disabled, c.Retry.Rounds = "debug", true, 0 })
	n.install("openai-compatible.wasm", plugin)
	added := n.add("stored", up.BaseURL(), canaryStored)
	key := n.key()
	canaries := map[string]string{
		"stored key": canaryStored, "declared key": canaryDeclared, "proxy's password": canaryProxy, "guessed key": canaryGuess,
		"prompt": canaryPrompt, "client's header": canaryHeader, "client's query": canaryQuery, "value in a bad file": canaryFile,
		"value of a bad variable": canaryVariable, "client key": key,
	}
	proxied := declared("proxied", "http://upstream.invalid/v1", canaryDeclared, "proxied")
	proxied.ProxyURL = "http://user:" + canaryProxy + "@127.0.0.1:1"
	n.reload(func(c *settings.Config) {
		c.Credentials = []settings.Credential{declared("declared", up.BaseURL(), canaryDeclared, "declared"), proxied}
	})

	var said strings.Builder // what clients and operators were told
	say := func(parts ...any) { fmt.Fprintln(&said, parts...) }
	c := n.client(key)
	ask := func(model string) {
		for _, stream := range []bool{false, true} {
			var err error
			opts := []option.RequestOption{option.WithHeader("X-Api-Key", canaryHeader), option.WithHeader("Cookie", canaryHeader), option.WithQuery("key", canaryQuery)}
			if stream {
				s := c.Chat.Completions.NewStreaming(t.Context(), chat(model, canaryPrompt), opts...)
				for s.Next() {
					say(s.Current().RawJSON())
				}
				err = s.Err()
				s.Close()
			} else {
				_, err = c.Chat.Completions.New(t.Context(), chat(model, canaryPrompt), opts...)
			}
			if e := (*openai.Error)(nil); errors.As(err, &e) {
				say(e.RawJSON(), e.Response.Header)
			}
		}
	}
	for _, answer := range []upstream.Answer{
		upstream.Completion("fine"), upstream.Stream(nil, upstream.Chunk("fine"), upstream.Done),
		echoing(400, true), echoing(400, false), echoing(401, true), echoing(403, false), echoing(404, true), echoing(404, false),
		echoing(422, false), echoing(429, true), echoing(429, false), echoing(500, true), echoing(503, false), echoing(302, true),
		upstream.Header("Location", "https://elsewhere.invalid/?k="+url.QueryEscape(canaryStored), upstream.JSON(307, `{}`)),
		func(w http.ResponseWriter, r *upstream.Request) { // an error in a stream, which then breaks
			upstream.Stream(nil, upstream.Chunk("one"), "data: {\"error\":{\"message\":\"no\"}}\n\n")(w, r)
			panic(http.ErrAbortHandler)
		},
	} {
		for model, key := range map[string]string{"stored": canaryStored, "declared": canaryDeclared} {
			up.On(key, answer)
			ask(model)
		}
	}
	ask("proxied")
	ask("nonesuch")

	// Requests that are refused for their form, their key or their body.
	for _, r := range []struct{ target, key, body string }{
		{"/v1/chat/completions", canaryGuess, `{"model":"stored"}`},
		{"/v1/chat/completions?key=" + canaryQuery, key, `{"model":"stored","messages":"` + canaryPrompt},
		{"/v1/" + canaryQuery + "/../x", key, ""},
		{"/v1/models/nonesuch?key=" + canaryQuery, key, ""},
		{"/healthz?key=" + canaryQuery, canaryGuess, ""},
	} {
		method := http.MethodGet
		if r.body != "" {
			method = http.MethodPost
		}
		req, err := http.NewRequestWithContext(t.Context(), method, n.url+r.target, strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+r.key)
		req.Header.Set("X-Api-Key", canaryHeader)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		say(string(body), resp.Header)
	}

	// Operators, whose files and arguments are wrong.
	path := filepath.Join(t.TempDir(), "patchbay.yaml")
	for _, text := range []string{
		"lsten: " + canaryFile, "listen: [" + canaryFile + "]", "log: {level: " + canaryFile + "}", "a: " + canaryFile + "\n\tb: c",
		"credentials:\n- provider: openai-compatible\n  secrets: {api_key: \"${env:CANARY}\"}\n  set: {base_url: \"https://u:" + canaryFile + "@x\"}\n",
		"credentials:\n- provider: openai-compatible\n  secrets: {nonesuch: " + canaryFile + "}\n  set: {base_url: \"https://example.com\"}\n",
		"credentials:\n- provider: nonesuch\n  secrets: {x: " + canaryFile + "}\n",
		"credentials:\n- provider: p\n  proxy_url: \"ftp://u:" + canaryFile + "@x\"\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		n.loads(func() (settings.Config, error) {
			return config.Load(config.Source{File: path, Environ: []string{"CANARY=" + canaryVariable + "\n2"}})
		})
		_, err := n.ops.ReloadConfig(t.Context())
		if err == nil {
			t.Errorf("%q was taken", text)
		}
		say(err)
		say(n.reasons())
	}
	for _, spec := range []admin.AuthSpec{
		{Provider: "openai-compatible", Set: map[string]string{"base_url": "https://u:" + canaryFile + "@x"}, Secrets: map[string]string{"api_key": canaryFile}},
		{Provider: "openai-compatible", Set: map[string]string{"nonesuch": canaryFile}, Secrets: map[string]string{"api_key": canaryFile}},
		{Provider: "nonesuch", Secrets: map[string]string{"api_key": canaryFile}},
	} {
		_, err := n.ops.AddAuth(t.Context(), spec)
		if err == nil {
			t.Errorf("%v was taken", spec.Provider)
		}
		say(err)
	}

	// What the server shows of itself.
	show := func(what any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(what)
		if err != nil {
			t.Fatal(err)
		}
		say(string(raw))
	}
	list, err := n.ops.ListAuths(t.Context())
	show(list, err)
	status, err := n.ops.Status(t.Context())
	show(status, err)
	one, err := n.ops.ShowAuth(t.Context(), added.ID)
	show(one, err)
	plugins, err := n.ops.ListPlugins(t.Context())
	show(plugins, err)
	keys, err := n.ops.ListKeys(t.Context())
	show(keys, err)
	if err := n.ops.Logs(t.Context(), false, func(l admin.LogLine) error { say(l.Line); return nil }); err != nil {
		t.Fatal(err)
	}
	code, metrics, err := askSocket(t, n.cfg.DataDir, "/metrics")
	if err != nil || code != http.StatusOK {
		t.Fatal(code, err)
	}
	if !strings.Contains(metrics, `patchbay_attempts_total{outcome="unauthorized"`) {
		t.Errorf("the canaries took another way: %s", metrics)
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	log := n.log.String()
	if !strings.Contains(log, telemetry.Redacted) || strings.Count(log, `"msg":"request"`) < 50 {
		t.Errorf("the canaries took another way\n%s", log)
	}
	clean(t, "metrics", metrics, canaries)
	clean(t, "log", log, canaries)
	delete(canaries, "prompt") // a client may see its own, and what it asked
	clean(t, "what was said", said.String(), canaries)
}

// panicking is a manager, an executor and the operator's operations whose every
// call panics with a secret.
type panicking struct {
	admin.Operations
	auth.ProviderExecutor
	what any
}

func (p panicking) ProvidersForModel(string) []string { return []string{"x"} }
func (p panicking) ListModels() []host.ModelInfo      { panic(p.what) }
func (p panicking) Identifier() string                { return "x" }
func (p panicking) Execute(context.Context, []string, executor.Request, executor.Options) (executor.Response, error) {
	panic(p.what)
}

func (p panicking) OpenStream(context.Context, []string, executor.Request, executor.Options) (executor.Stream, error) {
	panic(p.what)
}
func (p panicking) ListAuths(context.Context) ([]admin.AuthView, error) { panic(p.what) }

type panickingExecutor struct {
	auth.ProviderExecutor
	what any
}

func (p panickingExecutor) Identifier() string { return "x" }
func (p panickingExecutor) Execute(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
	panic(p.what)
}

// TestCanariesInPanics: code that dies with a secret on its lips, in each place
// that catches it.
func TestCanariesInPanics(t *testing.T) {
	for name, what := range map[string]any{
		"text": "the key is " + canaryStored, "error": fmt.Errorf("the key %q", canaryStored),
		"header": http.Header{"Authorization": {"Bearer " + canaryStored}}, "bytes": []byte("Basic " + base64.StdEncoding.EncodeToString([]byte("u:"+canaryStored))),
		"record": &auth.Auth{ID: "a", Metadata: map[string]any{"api_key": canaryStored}},
	} {
		for _, format := range []string{"json", "text"} {
			var secrets telemetry.Secrets
			secrets.Add(canaryStored)
			out, said := new(safeBuffer), new(strings.Builder)
			log, err := telemetry.NewLogger(out, telemetry.Options{Format: format, Secrets: &secrets})
			if err != nil {
				t.Fatal(err)
			}
			panicInGateway(t, log, what, said)
			panicInAdmin(log, what, said)
			panicInManager(t, log, what, said)
			if strings.Count(out.String(), "panic") < 3 {
				t.Errorf("%s: not all panics were logged\n%s", name, out)
			}
			canaries := map[string]string{"key": canaryStored}
			clean(t, name+" in a log as "+format, out.String(), canaries)
			clean(t, name+" in an answer", said.String(), canaries)
		}
	}
}

func panicInGateway(t *testing.T, log *slog.Logger, what any, said *strings.Builder) {
	plain, key := gateway.NewKey("test", zeros{}, time.Unix(0, 0))
	g := gateway.New(gateway.Options{Manager: panicking{what: what}, Keys: gateway.NewKeyRing(key), Logger: log})
	for _, body := range []string{`{"model":"x"}`, `{"model":"x","stream":true}`} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+plain)
		w := httptest.NewRecorder()
		g.Handler().ServeHTTP(w, r)
		said.WriteString(w.Body.String())
	}
}

func panicInAdmin(log *slog.Logger, what any, said *strings.Builder) {
	r := httptest.NewRequest(http.MethodGet, "/v1/auths", nil)
	r.Header.Set("Patchbay-Admin", "1")
	w := httptest.NewRecorder()
	admin.NewHandler(panicking{what: what}, log).ServeHTTP(w, r)
	said.WriteString(w.Body.String())
}

func panicInManager(t *testing.T, log *slog.Logger, what any, said *strings.Builder) {
	m := host.New(host.Options{Logger: log})
	m.RegisterExecutor(panickingExecutor{what: what})
	a := &auth.Auth{ID: "a", Provider: "x", Attributes: map[string]string{}}
	a.SetDeclaredModels([]string{"x"})
	if _, err := m.Register(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	_, err := m.Execute(t.Context(), []string{"x"}, executor.Request{Model: "x"}, executor.Options{})
	fmt.Fprintln(said, err)
	if err := m.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// zeros is a source of randomness that has none.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
