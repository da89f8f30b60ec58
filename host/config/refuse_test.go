package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFaultC01C08Refuses holds the exact words, one line for each thing that is
// wrong.
// FILE stands for the path. The value "canary" must never appear.
func TestFaultC01C08Refuses(t *testing.T) {
	env := []string{"KEY=canary-1", "EMPTY=", "LINES=canary\n2", "CR=canary\r", "NUL=canary\x00"}
	tests := []struct{ name, text, want string }{
		{"unknown key", "lsten: canary\n", `FILE:1: unknown key "lsten": did you mean "listen"?`},
		{"unknown key, nothing near", "\n\nzzz: canary\n", `FILE:3: unknown key "zzz"`},
		{"unknown key below", "log:\n  levl: info\n", `FILE:2: unknown key "levl" in log: did you mean "level"?`},
		{"unknown key in a credential", "credentials:\n  - provider: p\n    lable: x\n", `FILE:3: unknown key "lable" in credentials[0]: did you mean "label"?`},
		{"secret in the wrong place", "credentials:\n  - provider: p\n    api_key: canary\n", `FILE:3: unknown key "api_key" in credentials[0]: the fields of a credential stand under "set" or "secrets"`},
		{"case matters", "Listen: canary\n", `FILE:1: unknown key "Listen": did you mean "listen"?`},
		{"duplicate key", "listen: a:1\nlog: {}\nlisten: canary\n", `FILE:3: the key "listen" is set twice, first on line 1`},
		{"duplicate key below", "credentials:\n- provider: p\n  secrets:\n    a: canary\n    'a': canary\n", `FILE:5: the key "a" is set twice, first on line 4`},
		{"text for a number", "limits: {body_bytes: canary}", `FILE:1: limits.body_bytes must be an integer, not a string`},
		{"size with a unit", "limits:\n  body_bytes: 32MiB", `FILE:2: limits.body_bytes must be an integer, not a string`},
		{"fraction for an integer", "retry: {rounds: 1.5}", `FILE:1: retry.rounds must be an integer, not a number`},
		{"number for a duration", "limits: {idle_timeout: 30}", `FILE:1: limits.idle_timeout must be a duration that is not negative, such as "30s" or "5m"`},
		{"duration without a unit", "limits: {idle_timeout: '30'}", `FILE:1: limits.idle_timeout must be a duration that is not negative, such as "30s" or "5m"`},
		{"negative duration", "limits: {idle_timeout: -30s}", `FILE:1: limits.idle_timeout must be a duration that is not negative, such as "30s" or "5m"`},
		{"negative number", "retry: {max_credentials: -1}", `FILE:1: retry.max_credentials must be at least 0`},
		{"too large", "limits: {body_bytes: 9223372036854775808}", `FILE:1: limits.body_bytes must be at most 9223372036854775807`},
		{"not finite", "plugins: {config: {x: {n: .inf}}}", `FILE:1: plugins.config.x.n must be a finite number`},
		{"yes for a boolean", "cooldown: {disabled: yes}", `FILE:1: cooldown.disabled must be true or false, not a string`},
		{"nothing for a text", "listen:\n", `FILE:1: listen must be a string, not empty`},
		{"text for a map", "log: debug\n", `FILE:1: log must be a map, not a string`},
		{"map for a list", "credentials: {provider: p}\n", `FILE:1: credentials must be a list, not a map`},
		{"number for a secret", "credentials:\n- provider: p\n  secrets: {pin: 1234}", `FILE:3: credentials[0].secrets.pin must be a string, not a number`},
		{"wrong choice", "log: {level: wran}", `FILE:1: log.level must be one of debug, info, warn, error: did you mean "warn"?`},
		{"wrong choice, nothing near", "routing: {strategy: canary}", `FILE:1: routing.strategy must be one of round_robin, fill_first, weighted`},
		{"no regular expression", "providers:\n  p:\n    request_scoped_errors:\n    - {status: 400, match_regex: ['(canary'], action: stop}", `FILE:4: providers.p.request_scoped_errors[0].match_regex[0] is not a regular expression that Go knows`},
		{"no action", "providers: {p: {request_scoped_errors: [{status: 400, action: canary}]}}", `FILE:1: providers.p.request_scoped_errors[0].action must be one of stop, stop-and-cooldown, continue, continue-and-cooldown`},
		{"no word on cooling", "providers: {p: {disable_cooling: canary}}", `FILE:1: providers.p.disable_cooling must be true or false, not a string`},
		{"a status that is none", "retry: {statuses: [600]}", `FILE:1: retry.statuses[0] must be at most 599`},
		{"weight out of range", "credentials: [{provider: p, weight: 101}]", `FILE:1: credentials[0].weight must be at most 100`},
		{"empty data directory", `data_dir: ""`, `FILE:1: data_dir must not be empty`},
		{"listen without a port", "\nlisten: localhost", `FILE:2: listen must be an address and a port, such as 127.0.0.1:8484 or [::1]:8484`},
		{"tab", "log:\n\tlevel: info\n", `FILE:2: a tab stands in the indentation; YAML wants spaces`},
		{"tabs on an empty line", "log:\n  level: info\n\t\nlisten: a:1\n", `FILE:3: a tab stands in the indentation; YAML wants spaces`},
		{"byte order mark", "\ufefflisten: a:1\n", `FILE:1: the file begins with a byte order mark; save it as UTF-8 without one`},
		{"UTF-16", "\xff\xfel\x00", `FILE:1: the file begins with a byte order mark; save it as UTF-8 without one`},
		{"not UTF-8", "a: b\nc: \xff\n", `FILE:2: the file is not valid UTF-8`},
		{"two documents", "listen: a:1\n---\nlisten: canary\n", `FILE:2: a second document begins; the file must hold one`},
		{"not a map", "- listen\n", `FILE:1: the file must be a map of keys, such as listen: 127.0.0.1:8484`},
		{"only text", "canary", `FILE:1: the file must be a map of keys, such as listen: 127.0.0.1:8484`},
		{"alias", "log: &x {level: info}\nretry: *x\n", `FILE:2: aliases (*name) are not supported; write the value out`},
		{"merge key", "log: {<<: {level: info}}\n", `FILE:1: a key must be plain text; merge keys (<<) are not supported`},
		{"tag", "listen: !secret canary\n", `FILE:1: tags (!name) are not supported`},
		{"wrong tag", "retry: {rounds: !!int canary}\n", `FILE:1: retry.rounds is not a number, or true or false, as its tag says`},
		{"nested too deep", "plugins: {config: {x: " + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "}}", `FILE:1: the file is nested deeper than 64`},
		{"provider missing", "credentials:\n  - label: x\n", `FILE:2: credentials[0] lacks provider`},
		{"provider in capitals", "credentials:\n  - provider: OpenAI\n", `FILE:2: credentials[0].provider must begin with a lower-case letter or a digit; then dots, dashes and underscores are allowed too`},
		{"empty label", "credentials:\n- {provider: p, label: ''}\n", `FILE:2: credentials[0].label must not be empty`},
		{"two of one name", "credentials:\n- {provider: p, label: default}\n- {provider: q}\n- {provider: p}\n", `FILE:4: credentials[2] has the same provider and label as the credential at FILE:2; give each its own label`},
		{"set and secret", "credentials:\n- provider: p\n  set: {a: x}\n  secrets:\n    a: canary\n", `FILE:5: credentials[0].secrets.a stands under set too; keep one`},
		{"field without a name", "credentials:\n- provider: p\n  secrets: {'': canary}\n", `FILE:3: credentials[0].secrets has a field without a name`},
		{"model twice", "credentials:\n- provider: p\n  models: [a, b, a]\n", `FILE:3: credentials[0].models lists the same thing twice, as number 1 and number 3`},
		{"proxy", "credentials:\n- provider: p\n  proxy_url: ftp://u:canary@x\n", `FILE:3: credentials[0].proxy_url must be an http, https or socks5 URL with a host`},
		{"variable not set", "credentials:\n- provider: p\n  secrets:\n    api_key: ${env:NOPE}\n", `FILE:4: credentials[0].secrets.api_key names the environment variable NOPE, which is not set`},
		{"variable empty", "credentials:\n- provider: p\n  set: {a: '${env:EMPTY}'}\n", `FILE:3: credentials[0].set.a names the environment variable EMPTY, which is empty`},
		{"variable with a line break", "credentials:\n- provider: p\n  secrets: {a: '${env:LINES}'}\n", `FILE:3: credentials[0].secrets.a names the environment variable LINES, whose value holds a line break`},
		{"variable with a carriage return", "credentials:\n- provider: p\n  secrets: {a: 'x${env:CR}'}\n", `FILE:3: credentials[0].secrets.a names the environment variable CR, whose value holds a line break`},
		{"variable with a zero byte", "credentials:\n- provider: p\n  secrets: {a: 'x${env:NUL}'}\n", `FILE:3: credentials[0].secrets.a names the environment variable NUL, whose value holds a zero byte`},
		{"reference without a name", "credentials:\n- provider: p\n  secrets: {a: '${env:}'}\n", `FILE:3: credentials[0].secrets.a holds a reference that is not of the form ${env:NAME}`},
		{"reference without an end", "credentials:\n- provider: p\n  secrets: {a: '${env:KEY'}\n", `FILE:3: credentials[0].secrets.a holds a reference that is not of the form ${env:NAME}`},
		{"reference elsewhere", "listen: ${env:KEY}\n", `FILE:1: listen holds ${env:…}, which works only in the set, secrets and proxy_url of a credential`},
		{"reference in a plugin's configuration", "plugins: {config: {x: {a: ['${env:KEY}']}}}\n", `FILE:1: plugins.config.x.a[0] holds ${env:…}, which works only in the set, secrets and proxy_url of a credential`},
		{
			"several at once", "lsten: x\nretry: {rounds: -1}\ncredentials:\n- provider: p\n  secrets: {a: '${env:NOPE}'}\n  x: 1\n",
			`FILE:1: unknown key "lsten": did you mean "listen"?
FILE:2: retry.rounds must be at least 0
FILE:5: credentials[0].secrets.a names the environment variable NOPE, which is not set
FILE:6: unknown key "x" in credentials[0]: the fields of a credential stand under "set" or "secrets"`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := file(t, tt.text, 0o600)
			cfg, err := Load(Source{File: path, Environ: env})
			if err == nil {
				t.Fatal("it was taken")
			}
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(err.Error(), path, "FILE")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Error("it shows a value")
			}
			if diff := cmp.Diff(len(strings.Split(tt.want, "\n")), len(Errors(err))); diff != "" {
				t.Errorf("Errors (-want +got):\n%s", diff)
			}
			for _, e := range Errors(err) {
				if e.File != path || e.Line < 1 {
					t.Errorf("place %s:%d", e.File, e.Line)
				}
			}
			if cfg.Listen != "" {
				t.Error("a configuration came with the error")
			}
		})
	}
}

// TestRefusesOfParser: where the words are the parser's own, only the place and
// the beginning are held.
func TestRefusesOfParser(t *testing.T) {
	for text, want := range map[string]string{
		"log: {level: info\n":            "FILE:",
		"listen: a: b\n":                 "FILE:1: it is not valid YAML",
		"a: 'canary\n":                   "FILE:",
		"log:\n  level: info\n bad: x\n": "FILE:",
		"listen: \"\\q canary\"\n":       "FILE:1: it is not valid YAML",
		"listen: @canary\n":              "FILE:1: it is not valid YAML",
		"listen: *canary\n":              "FILE:",
		"listen: \x01canary\n":           "FILE:1: it is not valid YAML",
		"a: b\n%canary\n":                "FILE:",
	} {
		path := file(t, text, 0o600)
		_, err := Load(Source{File: path})
		if err == nil {
			t.Errorf("%q was taken", text)
			continue
		}
		got := strings.ReplaceAll(err.Error(), path, "FILE")
		if !strings.HasPrefix(got, want) || strings.Contains(got, "canary") {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestTabsThatYAMLAllows(t *testing.T) {
	cfg := mustLoad(t, Source{File: file(t, "listen: 127.0.0.1:1\t# here\ncredentials:\n- provider: p\n  secrets:\n    pem: |\n      one\n      \ttwo\n", 0o600)})
	if got := cfg.Credentials[0].Secrets["pem"]; got != "one\n\ttwo\n" {
		t.Errorf("got %q", got)
	}
}

func TestEnvironmentRefuses(t *testing.T) {
	for entry, want := range map[string]string{
		"PATCHBAY_LSTEN=canary":              `environment: unknown variable PATCHBAY_LSTEN: did you mean "PATCHBAY_LISTEN"?`,
		"PATCHBAY_LIMITS_BODY_BYTES=1":       `environment: unknown variable PATCHBAY_LIMITS_BODY_BYTES: did you mean "PATCHBAY_LIMITS__BODY_BYTES"?`,
		"PATCHBAY_listen=canary":             `environment: unknown variable PATCHBAY_listen: did you mean "PATCHBAY_LISTEN"?`,
		"PATCHBAY_=canary":                   `environment: unknown variable PATCHBAY_`,
		"PATCHBAY_LISTEN__X=canary":          `environment: unknown variable PATCHBAY_LISTEN__X: did you mean "PATCHBAY_LISTEN"?`,
		"PATCHBAY_LOG=canary":                `environment: PATCHBAY_LOG is a group of settings; name one of them, such as PATCHBAY_LOG__FORMAT`,
		"PATCHBAY_CREDENTIALS=canary":        `environment: PATCHBAY_CREDENTIALS: credentials cannot be set by the environment; write them in the file, with ${env:NAME} for secrets`,
		"PATCHBAY_CREDENTIALS__0__X=canary":  `environment: PATCHBAY_CREDENTIALS__0__X: credentials cannot be set by the environment; write them in the file, with ${env:NAME} for secrets`,
		"PATCHBAY_PLUGINS__CONFIG__X=canary": `environment: PATCHBAY_PLUGINS__CONFIG__X: the plugins' own configuration cannot be set by the environment; write it in the file`,
		"PATCHBAY_LIMITS__BODY_BYTES=canary": `environment: PATCHBAY_LIMITS__BODY_BYTES must be an integer, not a string`,
		"PATCHBAY_LIMITS__BODY_BYTES=":       `environment: PATCHBAY_LIMITS__BODY_BYTES must be an integer, not a string`,
		"PATCHBAY_COOLDOWN__DISABLED=1":      `environment: PATCHBAY_COOLDOWN__DISABLED must be true or false, not a string`,
		"PATCHBAY_LOG__LEVEL=canary":         `environment: PATCHBAY_LOG__LEVEL must be one of debug, info, warn, error`,
		"PATCHBAY_RETRY__ROUNDS=-1":          `environment: PATCHBAY_RETRY__ROUNDS must be at least 0`,
		"PATCHBAY_LISTEN=canary":             `environment: PATCHBAY_LISTEN must be an address and a port, such as 127.0.0.1:8484 or [::1]:8484`,
	} {
		_, err := Load(Source{Environ: []string{entry}})
		if err == nil {
			t.Errorf("%s was taken", entry)
			continue
		}
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", entry, diff)
		}
	}
}

func TestFlagsRefuse(t *testing.T) {
	for key, tt := range map[string]struct {
		value any
		want  string
	}{
		"listen":             {"x", `flags: listen must be an address and a port, such as 127.0.0.1:8484 or [::1]:8484`},
		"lsten":              {"x", `flags: unknown key "lsten": did you mean "listen"?`},
		"log":                {"x", `flags: unknown key "log"`},
		"credentials":        {"x", `flags: unknown key "credentials"`},
		"limits.body_bytes":  {true, `flags: limits.body_bytes must be an integer, not true or false`},
		"retry.rounds":       {"x", `flags: retry.rounds must be an integer, not a string`},
		"retry.max_interval": {struct{}{}, `flags: retry.max_interval is not allowed here`},
	} {
		_, err := Load(Source{Flags: map[string]any{key: tt.value}})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", key, err, tt.want)
		}
	}
}
