package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/patchbay-dev/patchbay/host/settings"
)

func file(t *testing.T, text string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "patchbay.yaml")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustLoad(t *testing.T, src Source) settings.Config {
	t.Helper()
	cfg, err := Load(src)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestNothingIsTheDefault(t *testing.T) {
	for name, src := range map[string]Source{
		"no file":       {},
		"other env":     {Environ: []string{"HOME=/home/x", "patchbay_listen=x", "PATCHBAY", "PATCHBAYX=1"}},
		"empty file":    {File: file(t, "", 0o600)},
		"only comments": {File: file(t, "# nothing\n\n", 0o600)},
		"document mark": {File: file(t, "---\n# nothing\n", 0o600)},
		"empty map":     {File: file(t, "{}", 0o600)},
		"bare headings": {File: file(t, "limits:\n  # body_bytes: 1\nplugins:\n  config:\ncredentials:\n", 0o600)},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(settings.Default(), mustLoad(t, src), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWholeFile(t *testing.T) {
	path := file(t, `
listen: "[::1]:0"
data_dir: /var/lib/patchbay
log: {level: debug, format: text}
limits:
  body_bytes: 0x100000
  idle_timeout: 1m30s
  request_timeout: 90s
  shutdown_grace: 0s
retry: {rounds: 0, max_interval: 1s, max_credentials: 2}
cooldown:
  disabled: true
  ladder_base: 2s
routing: {strategy: fill_first}
plugins:
  instances: 3
  memory_bytes: 16_777_216
  config:
    com.example.echo: {greeting: hello, list: [1, 2.5, true, ~], when: 2026-01-02, "a.b": {"c.d": x}}
credentials:
  - provider: openai-compatible
    label: work
    set: {base_url: "https://${env:HOST}/v1", note: ""}
    secrets:
      api_key: ${env:KEY}
      both: a-${env:KEY}-${env:HOST}
    models: [small, large]
    prefix: team
    priority: -2
    weight: 3
    max_in_flight: 4
    group: one
    quota_group: two
    disable_cooling: false
    request_retry: 0
    refresh_disabled: true
    allow_private: true
    proxy_url: socks5://u:${env:HOST}@127.0.0.1:1080
    disabled: true
  - {provider: echo}
`, 0o644)
	got := mustLoad(t, Source{File: path, Environ: []string{"KEY=${env:HOST}", "HOST=api.example.com"}})
	want := settings.Default()
	want.Listen, want.DataDir = "[::1]:0", "/var/lib/patchbay"
	want.Log = settings.Log{Level: "debug", Format: "text"}
	want.Limits = settings.Limits{BodyBytes: 1 << 20, IdleTimeout: 90 * time.Second, RequestTimeout: 90 * time.Second}
	want.Retry.Rounds, want.Retry.MaxInterval, want.Retry.MaxCredentials = 0, time.Second, 2
	want.Cooldown.Disabled, want.Cooldown.LadderBase = true, 2*time.Second
	want.Routing.Strategy = "fill_first"
	want.Plugins.Instances, want.Plugins.MemoryBytes = 3, 16<<20
	want.Plugins.Config = map[string]map[string]any{"com.example.echo": {
		"greeting": "hello", "list": []any{1, 2.5, true, nil}, "when": "2026-01-02", "a.b": map[string]any{"c.d": "x"},
	}}
	want.Credentials = []settings.Credential{
		{
			Provider: "openai-compatible", Label: "work",
			Set:     map[string]string{"base_url": "https://api.example.com/v1", "note": ""},
			Secrets: map[string]string{"api_key": "${env:HOST}", "both": "a-${env:HOST}-api.example.com"},
			Models:  []string{"small", "large"}, Prefix: "team", Priority: -2,
			Weight: 3, MaxInFlight: 4, Group: "one", QuotaGroup: "two",
			DisableCooling: new(false), RequestRetry: new(0), RefreshDisabled: new(true),
			AllowPrivate: true, ProxyURL: "socks5://u:api.example.com@127.0.0.1:1080", Disabled: true, Source: path + ":21",
		},
		{Provider: "echo", Label: "default", Source: path + ":40"},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPrecedence(t *testing.T) {
	path := file(t, "listen: 127.0.0.1:1\nlimits: {body_bytes: 11, idle_timeout: 11s}\nretry: {rounds: 11}\n", 0o600)
	got := mustLoad(t, Source{
		File:    path,
		Environ: []string{"PATCHBAY_LISTEN=127.0.0.1:2", "PATCHBAY_LIMITS__BODY_BYTES=1", "PATCHBAY_COOLDOWN__DISABLED=true", "PATCHBAY_LIMITS__SHUTDOWN_GRACE=1s"},
		Flags:   map[string]any{"listen": "127.0.0.1:3", "retry.max_interval": 3 * time.Second, "retry.max_credentials": 3, "plugins.instances": "3"},
	})
	want := settings.Default()
	want.Listen = "127.0.0.1:3"
	want.Limits.BodyBytes, want.Limits.IdleTimeout, want.Limits.ShutdownGrace = 1, 11*time.Second, time.Second
	want.Retry.Rounds, want.Retry.MaxInterval, want.Retry.MaxCredentials = 11, 3*time.Second, 3
	want.Cooldown.Disabled = true
	want.Plugins.Instances = 3
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEverySettingCanComeFromTheEnvironment(t *testing.T) {
	for _, path := range compiled().root.scalars() {
		schema := compiled().root.at(path)
		value := map[string]string{"integer": "2000000", "boolean": "true", "string": "7s"}[schema.Type]
		switch name := variable(path); {
		case name == "PATCHBAY_LISTEN":
			value = "127.0.0.1:7"
		case schema.Default != nil && schema.Type == "string" && schema.Format == "":
			value = schema.Default.(string)
		case name == "PATCHBAY_PLUGINS__INSTANCES" || name == "PATCHBAY_PLUGINS__QUARANTINE__FAULTS" || name == "PATCHBAY_RETRY__ROUNDS":
			value = "7"
		}
		if _, err := Load(Source{Environ: []string{variable(path) + "=" + value}}); err != nil {
			t.Errorf("%s=%s: %v", variable(path), value, err)
		}
		if _, err := Load(Source{Flags: map[string]any{dotted(path): value}}); err != nil {
			t.Errorf("flag %s=%s: %v", dotted(path), value, err)
		}
	}
}

func TestListen(t *testing.T) {
	for address, good := range map[string]bool{
		"127.0.0.1:8484": true, "[::1]:8484": true, "0.0.0.0:80": true, ":8484": true, "localhost:0": true,
		"": false, "8484": false, "127.0.0.1": false, "127.0.0.1:": false, "::1:8484": false, "127.0.0.1:65536": false,
		"127.0.0.1:http": false, "127.0.0.1:-1": false, "127.0.0.1:080": false, "http://127.0.0.1:80": false, "a b:80": false, "user@host:80": false,
	} {
		_, err := Load(Source{Flags: map[string]any{"listen": address}})
		if (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	_, err := Load(Source{File: filepath.Join(t.TempDir(), "none.yaml")})
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, fs.ErrNotExist) || !strings.HasSuffix(err.Error(), "none.yaml: there is no such file") {
		t.Errorf("missing: %v", err)
	}
	if _, err = Load(Source{File: t.TempDir()}); !errors.As(err, &e) {
		t.Errorf("a directory: %v", err)
	}
	if _, err = Load(Source{File: file(t, strings.Repeat("#", fileMax+1), 0o600)}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("too large: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	const clear = "credentials: [{provider: p, secrets: {api_key: written-out}}]"
	tests := []struct {
		name, text string
		mode       fs.FileMode
		want       string
	}{
		{"clear secret, own file", clear, 0o600, ""},
		{"clear secret, readable by all", clear, 0o644, "credentials[0].secrets.api_key"},
		{"clear secret, readable by the group", clear, 0o640, "chmod 600"},
		{"secret from the environment", "credentials: [{provider: p, secrets: {api_key: '${env:KEY}'}}]", 0o644, ""},
		{"password of a proxy", "credentials: [{provider: p, proxy_url: 'http://u:written-out@proxy:1'}]", 0o644, "credentials[0].proxy_url"},
		// A proxy's password had no place but the file itself.
		{"password of a proxy from the environment", "credentials: [{provider: p, proxy_url: 'http://u:${env:KEY}@proxy:1'}]", 0o644, ""},
		{"proxy without a password", "credentials: [{provider: p, proxy_url: 'http://proxy:1'}]", 0o644, ""},
		{"field that is not secret", "credentials: [{provider: p, set: {base_url: 'https://x'}}]", 0o644, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := mustLoad(t, Source{File: file(t, tt.text, tt.mode), Environ: []string{"KEY=x"}})
			got := strings.Join(cfg.Warnings, "\n")
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) || strings.Contains(got, "written-out") {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
		})
	}
}

// TestCredentialID holds the ids that stores already refer to.
func TestCredentialID(t *testing.T) {
	for want, in := range map[string][2]string{
		"cfg-a66a034a90acbb62": {"openai-compatible", "work"},
		"cfg-4052e2dee50b24ba": {"echo", "default"},
	} {
		if got := CredentialID(in[0], in[1]); got != want {
			t.Errorf("CredentialID(%q, %q) = %s, want %s", in[0], in[1], got, want)
		}
	}
	if CredentialID("ab", "c") == CredentialID("a", "bc") {
		t.Error("two credentials have one id")
	}
}
