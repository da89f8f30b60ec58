package main

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/config"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/testkit/upstream"
)

// declared is a credential of the configuration file.
func declared(label, baseURL, key string, models ...string) settings.Credential {
	return settings.Credential{
		Provider: "openai-compatible", Label: label, Models: models, Source: "patchbay.yaml:1",
		Set: map[string]string{"base_url": baseURL}, Secrets: map[string]string{"api_key": key},
	}
}

// declares starts a server with the OpenAI-compatible plugin, and a reload that
// gives it credentials.
func declares(t *testing.T, up *upstream.Server, credentials ...settings.Credential) (*node, openai.Client) {
	t.Helper()
	plugin, _ := examples(t)
	n := start(t, t.TempDir())
	n.install("openai-compatible.wasm", plugin)
	n.reload(func(c *settings.Config) { c.Credentials = credentials })
	return n, n.client(n.key())
}

// reload puts a changed configuration into force.
func (n *node) reload(change func(*settings.Config)) admin.Reloaded {
	n.t.Helper()
	report, err := n.tryReload(change)
	if err != nil {
		n.t.Fatal(err)
	}
	return report
}

func (n *node) tryReload(change func(*settings.Config)) (admin.Reloaded, error) {
	cfg := n.cfg
	change(&cfg)
	n.loads(func() (settings.Config, error) { return cfg, nil })
	report, err := n.ops.ReloadConfig(n.t.Context())
	if err == nil {
		n.cfg = cfg
	}
	return report, err
}

func (n *node) loads(f func() (settings.Config, error)) { n.load.Store(&f) }

func (n *node) reasons() string {
	n.t.Helper()
	h, err := n.ops.Health(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	return strings.Join(h.Reasons, "\n")
}

// begun opens a stream and reads its first piece.
func begun(t *testing.T, c openai.Client, model string) *ssestream.Stream[openai.ChatCompletionChunk] {
	t.Helper()
	s := c.Chat.Completions.NewStreaming(t.Context(), chat(model, "hi"))
	t.Cleanup(func() { s.Close() })
	if !s.Next() {
		t.Fatal(s.Err())
	}
	return s
}

// rest reads the rest of a stream.
func rest(s *ssestream.Stream[openai.ChatCompletionChunk]) (string, error) {
	var b strings.Builder
	for s.Next() {
		for _, choice := range s.Current().Choices {
			b.WriteString(choice.Delta.Content)
		}
	}
	return b.String(), s.Err()
}

func TestReloadAppliesCredentials(t *testing.T) {
	up := upstream.New(t)
	up.On("sk-one", upstream.Completion("from one"))
	up.On("sk-two", upstream.Completion("from two"))
	n, c := declares(t, up, declared("a", up.BaseURL(), "sk-one", "small"))
	ask := func(model string) string {
		got, err := c.Chat.Completions.New(t.Context(), chat(model, "hi"))
		if err != nil {
			return fmt.Sprint(apiError(t, err).StatusCode)
		}
		return got.Choices[0].Message.Content
	}
	id := config.CredentialID("openai-compatible", "a")

	if got := ask("small"); got != "from one" {
		t.Fatalf("a credential that was added: %s", got)
	}
	t.Run("the same again changes nothing", func(t *testing.T) {
		if r := n.reload(func(*settings.Config) {}); len(r.Changed) != 0 {
			t.Errorf("changed %v", r.Changed)
		}
	})
	t.Run("another secret", func(t *testing.T) {
		r := n.reload(func(c *settings.Config) {
			c.Credentials = []settings.Credential{declared("a", up.BaseURL(), "sk-two", "small")}
		})
		if got := ask("small"); got != "from two" || !slices.Equal(r.Changed, []string{"credential " + id + " changed"}) {
			t.Errorf("%s, changed %v", got, r.Changed)
		}
	})
	t.Run("another model", func(t *testing.T) {
		n.reload(func(c *settings.Config) {
			c.Credentials = []settings.Credential{declared("a", up.BaseURL(), "sk-two", "large")}
		})
		if small, large := ask("small"), ask("large"); small != "404" || large != "from two" {
			t.Errorf("small %s, large %s", small, large)
		}
	})
	t.Run("another secret ends what was held against the old one", func(t *testing.T) {
		up.On("sk-two", upstream.Error(http.StatusUnauthorized, "invalid_api_key", "revoked"))
		if got := ask("large"); got != "503" {
			t.Fatalf("a revoked key: %s", got)
		}
		n.reload(func(c *settings.Config) {
			c.Credentials = []settings.Credential{declared("a", up.BaseURL(), "sk-one", "large")}
		})
		if got := ask("large"); got != "from one" {
			t.Errorf("%s", got)
		}
	})
	t.Run("another line", func(t *testing.T) {
		moved := declared("a", up.BaseURL(), "sk-one", "large")
		moved.Source = "patchbay.yaml:77"
		if r := n.reload(func(c *settings.Config) { c.Credentials = []settings.Credential{moved} }); len(r.Changed) != 0 {
			t.Errorf("changed %v", r.Changed)
		}
		list, err := n.ops.ListAuths(t.Context())
		if err != nil || len(list) != 1 || list[0].Source != "patchbay.yaml:77" {
			t.Errorf("%+v, %v", list, err)
		}
	})
	t.Run("switched off and removed", func(t *testing.T) {
		off := declared("a", up.BaseURL(), "sk-one", "large")
		off.Disabled = true
		n.reload(func(c *settings.Config) { c.Credentials = []settings.Credential{off} })
		if got := ask("large"); got != "404" && got != "503" {
			t.Errorf("switched off: %s", got)
		}
		n.reload(func(c *settings.Config) { c.Credentials = nil })
		if list, err := n.ops.ListAuths(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
	})
	if log := n.log.String(); strings.Contains(log, "sk-one") || strings.Contains(log, "sk-two") {
		t.Error("a secret is in the log")
	}
}

func TestReloadAppliesSettings(t *testing.T) {
	up := upstream.New(t)
	up.On("sk-one", upstream.Completion("hello"))
	n, c := declares(t, up, declared("a", up.BaseURL(), "sk-one", "small"))

	t.Run("limits", func(t *testing.T) {
		n.reload(func(c *settings.Config) { c.Limits.BodyBytes = 50 })
		_, err := c.Chat.Completions.New(t.Context(), chat("small", "hi"))
		if e := apiError(t, err); e.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%d", e.StatusCode)
		}
		n.reload(func(c *settings.Config) { c.Limits.BodyBytes = 1 << 20 })
	})
	t.Run("log level", func(t *testing.T) {
		n.reload(func(c *settings.Config) { c.Log.Level = "error" })
		before := strings.Count(n.log.String(), `"msg":"request"`)
		if _, err := c.Chat.Completions.New(t.Context(), chat("small", "hi")); err != nil {
			t.Fatal(err)
		}
		if after := strings.Count(n.log.String(), `"msg":"request"`); after != before {
			t.Error("a request was logged")
		}
		n.reload(func(c *settings.Config) { c.Log.Level = "info" })
	})
	t.Run("cooldown", func(t *testing.T) {
		n.reload(func(c *settings.Config) { c.Cooldown.Transient, c.Retry.Rounds = time.Nanosecond, 0 })
		for range 3 {
			up.On("sk-one", upstream.Error(http.StatusInternalServerError, "x", "x"))
			if _, err := c.Chat.Completions.New(t.Context(), chat("small", "hi")); err == nil {
				t.Fatal("no error")
			}
			up.On("sk-one", upstream.Completion("hello"))
			if _, err := c.Chat.Completions.New(t.Context(), chat("small", "hi")); err != nil {
				t.Errorf("still cooling: %v", err)
			}
		}
	})
	t.Run("bounds of plugins", func(t *testing.T) {
		r := n.reload(func(c *settings.Config) { c.Plugins.Instances = 2 })
		if !slices.Equal(r.Changed, []string{"plugin openai-compatible"}) {
			t.Errorf("changed %v", r.Changed)
		}
		if _, err := c.Chat.Completions.New(t.Context(), chat("small", "hi")); err != nil {
			t.Error(err)
		}
	})
	t.Run("what needs a restart", func(t *testing.T) {
		dir, address := n.cfg.DataDir, n.cfg.Listen
		r := n.reload(func(c *settings.Config) { c.Listen, c.DataDir, c.Retry.Rounds = "127.0.0.1:1", "/nonesuch", 7 })
		if !slices.Equal(r.NeedsRestart, []string{"listen", "data_dir"}) || !slices.Equal(r.Changed, []string{"retry"}) {
			t.Errorf("%+v", r)
		}
		if got := n.reasons(); !strings.Contains(got, "needs a restart: listen, data_dir") {
			t.Errorf("reasons %q", got)
		}
		n.reload(func(c *settings.Config) { c.Listen, c.DataDir = address, dir })
		if got := n.reasons(); got != "" {
			t.Errorf("reasons %q", got)
		}
	})
}

// TestFaultC02RefusedReloadChangesNothing: whatever is wrong, and wherever it shows.
func TestFaultC02RefusedReloadChangesNothing(t *testing.T) {
	up := upstream.New(t)
	up.On("sk-one", upstream.Completion("hello"))
	n, c := declares(t, up, declared("a", up.BaseURL(), "sk-one", "small"))
	before := n.cfg
	good := declared("b", up.BaseURL(), "sk-two", "large")
	for name, tc := range map[string]struct {
		load func() (settings.Config, error)
		want string
	}{
		"a file that does not load": {func() (settings.Config, error) {
			return settings.Config{}, &config.Error{File: "patchbay.yaml", Line: 3, Msg: "unknown key \"lsten\""}
		}, `patchbay.yaml:3: unknown key "lsten"`},
		"a credential that its plugin refuses": {func() (settings.Config, error) {
			cfg, bad := before, declared("c", "ftp://example.com", "sk-three")
			bad.Source = "patchbay.yaml:9"
			cfg.Credentials = []settings.Credential{good, bad}
			return cfg, nil
		}, "patchbay.yaml:9: "},
		"a provider that nobody serves": {func() (settings.Config, error) {
			cfg, bad := before, good
			bad.Provider = "nonesuch"
			cfg.Credentials = []settings.Credential{good, bad}
			return cfg, nil
		}, "nonesuch"},
		"bounds that a plugin does not fit": {func() (settings.Config, error) {
			cfg := before
			cfg.Credentials = []settings.Credential{good}
			cfg.Limits.BodyBytes = 1
			cfg.Plugins.MemoryBytes = 1 << 16
			return cfg, nil
		}, "plugin openai-compatible"},
	} {
		n.loads(tc.load)
		_, err := n.ops.ReloadConfig(t.Context())
		var e *admin.Error
		if !errors.As(err, &e) || exitCode(err) != exitConfig || !strings.Contains(e.Message, tc.want) {
			t.Errorf("%s: %v, exit code %d", name, err, exitCode(err))
		}
		if got := n.reasons(); !strings.Contains(got, "configuration: the last reload was refused") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: health says %q", name, got)
		}
		if !strings.Contains(n.log.String(), "the configuration was not reloaded") {
			t.Errorf("%s: the log says nothing", name)
		}
		if got, err := c.Chat.Completions.New(t.Context(), chat("small", "hi")); err != nil || got.Choices[0].Message.Content != "hello" {
			t.Errorf("%s: the server serves no more: %v", name, err)
		}
		if list, err := n.ops.ListAuths(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("%s: credentials %+v, %v", name, list, err)
		}
	}
	if h, err := n.ops.Health(t.Context()); err != nil || !h.Ready {
		t.Errorf("not ready because of a file that is not in force: %+v, %v", h, err)
	}
	n.loads(func() (settings.Config, error) { return before, nil })
	if _, err := n.ops.ReloadConfig(t.Context()); err != nil || n.reasons() != "" {
		t.Errorf("after a good one: %v, %q", err, n.reasons())
	}
}

// TestFaultC07RemovedCredentialFinishesItsStream: whether it stood in the file or in
// the store.
func TestFaultC07RemovedCredentialFinishesItsStream(t *testing.T) {
	up := upstream.New(t, "stored")
	next := make(chan struct{})
	up.On("sk-file", upstream.Stream(next, upstream.Chunk("one "), upstream.Chunk("two"), upstream.Done))
	up.On("sk-store", upstream.Stream(next, upstream.Chunk("one "), upstream.Chunk("two"), upstream.Done))
	n, c := declares(t, up, declared("a", up.BaseURL(), "sk-file", "declared"))
	stored := n.add("b", up.BaseURL(), "sk-store")
	fromFile, fromStore := begun(t, c, "declared"), begun(t, c, "stored")
	r := n.reload(func(c *settings.Config) { c.Credentials = nil })
	if want := []string{"credential " + config.CredentialID("openai-compatible", "a") + " removed"}; !reflect.DeepEqual(r.Changed, want) {
		t.Errorf("changed %v, want %v", r.Changed, want)
	}
	if err := n.ops.RemoveAuth(t.Context(), stored.ID); err != nil {
		t.Fatal(err)
	}
	for _, model := range []string{"declared", "stored"} {
		_, err := c.Chat.Completions.New(t.Context(), chat(model, "hi"))
		if e := apiError(t, err); e.StatusCode != http.StatusNotFound {
			t.Errorf("%s was picked: %d", model, e.StatusCode)
		}
	}
	close(next)
	for name, s := range map[string]*ssestream.Stream[openai.ChatCompletionChunk]{"declared": fromFile, "stored": fromStore} {
		if text, err := rest(s); err != nil || text != "two" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if list, err := n.ops.ListAuths(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}
