package config

import (
	"strings"
	"testing"
)

// FuzzLoad: no file makes Load panic; an error is told with a place and without
// the value of a variable; a configuration is one that Load takes.
func FuzzLoad(f *testing.F) {
	const secret = "canary-8c1f2a"
	environ := []string{"KEY=" + secret, "LINES=" + secret + "\n"}
	for _, seed := range []string{
		"", "# x\n", "listen: 127.0.0.1:8484\ndata_dir: ./data\n",
		"credentials:\n  - provider: openai-compatible\n    label: work\n    set: {base_url: \"https://api.example.com/v1\"}\n    secrets: {api_key: \"${env:KEY}\"}\n    models: [small, large]\n",
		"credentials: [{provider: p, secrets: {a: '${env:LINES}', b: '${env:', c: '${env:NOPE}'}}]",
		"limits: {body_bytes: 0x10, idle_timeout: 1h}\nplugins: {config: {a: {b: [1, .inf, ~, 2020-01-01]}}}\n",
		"lsten: x\nlog: {level: wran}\n", "a: &a [*a]\n", "<<: {}\n", "a: b\n---\nc: d\n", "\ufeffa: b\n", "a:\n\tb: c\n", "? [a]\n: b\n", "- 1\n", "!!binary x: y\n",
		"listen: !!str 1\n", "retry: {rounds: 1e3}\n", "'': ''\n", "0: {0: 0}\n", "credentials: [~, 1, {}]\n", "a: \"\\ud800\"\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := load(Source{File: "F", Environ: environ}, []byte(text), 0o644)
		if err != nil {
			if len(Errors(err)) == 0 {
				t.Errorf("%v is no *Error", err)
			}
			for _, e := range Errors(err) {
				if e.File != "F" || e.Line < 1 || e.Msg == "" {
					t.Errorf("%+v has no place", e)
				}
			}
			if strings.Contains(err.Error(), secret) && !strings.Contains(text, secret) {
				t.Errorf("it shows a value: %v", err)
			}
			return
		}
		if !validListen(cfg.Listen) || cfg.Limits.BodyBytes < 1 || cfg.Plugins.MemoryBytes < 1<<20 || cfg.Limits.IdleTimeout < 0 {
			t.Errorf("took %+v", cfg.Limits)
		}
		seen := map[string]bool{}
		for _, c := range cfg.Credentials {
			id := CredentialID(c.Provider, c.Label)
			if seen[id] || c.Provider == "" || c.Label == "" || !strings.HasPrefix(c.Source, "F:") {
				t.Errorf("took a credential twice or without a name: %s", id)
			}
			seen[id] = true
		}
	})
}
