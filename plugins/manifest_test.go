package plugins_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins"
)

func TestManifestIsRead(t *testing.T) {
	m, err := plugins.ParseManifest(encode(t, manifest()))
	if err != nil {
		t.Fatal(err)
	}
	if m.ID != "acme" || m.Version != "1.2.3" || m.Provides.Providers[0].Key != "acme" ||
		m.Credential.Fields["base_url"].Kind != abi.FieldDestination || m.Slots[0].Prefix != "Bearer " {
		t.Errorf("got %+v", m)
	}
}

func TestManifestRules(t *testing.T) {
	slot := func(m obj) obj { return m["slots"].([]any)[0].(obj) }
	dest := func(m obj, i int) obj { return m["destinations"].([]any)[i].(obj) }
	tests := []struct {
		name   string
		change func(obj)
		want   string // empty: accepted
	}{
		{"as it is", func(obj) {}, ""},
		{"unknown key", func(m obj) { m["x-note"] = 1; provider(m)["future"] = true; fields(m)["email"].(obj)["ui"] = "wide" }, ""},
		{"unknown key of a slot", func(m obj) { slot(m)["only_if"] = "x" }, "only_if"},
		{"unknown key of a destination", func(m obj) { dest(m, 0)["tls"] = "off" }, "tls"},
		{"unknown key of a capability", func(m obj) { m["capabilities"].([]any)[0].(obj)["scope"] = "x" }, "scope"},
		{"unknown key of a signer", func(m obj) { m["signers"] = []any{obj{"name": "s", "kind": "hmac", "x": 1}} }, "/signers/0"},
		{"key in another case", func(m obj) { m["Slots"] = m["slots"]; delete(m, "slots") }, "Slots"},
		{"no id", func(m obj) { delete(m, "id") }, "'id'"},
		{"bad id", func(m obj) { m["id"] = "Acme!" }, "/id"},
		{"id of line breaks", func(m obj) { m["id"] = "a\nb\x1b[2J" }, "/id"},
		{"bad version", func(m obj) { m["version"] = "v1" }, "/version"},
		{"prerelease", func(m obj) { m["version"] = "1.0.0-rc.1+build.5" }, ""},
		{"newer ABI", func(m obj) { m["abi"] = 2 }, "it speaks ABI 2, this host speaks ABI 1"},
		{"newer ABI of another shape", func(m obj) { m["abi"] = 2; m["provides"] = "everything" }, "it speaks ABI 2"},
		{"no ABI", func(m obj) { delete(m, "abi") }, "'abi'"},
		{"ABI zero", func(m obj) { m["abi"] = 0 }, "/abi"},
		{"provides nothing", func(m obj) { m["provides"] = obj{} }, "provides nothing"},
		{"provider twice", func(m obj) {
			p := m["provides"].(obj)
			p["providers"] = append(p["providers"].([]any), provider(m))
		}, "provider acme is there twice"},
		{"unknown mode", func(m obj) { provider(m)["modes"] = []any{"dream"} }, "/modes/0"},
		{"unknown deliver", func(m obj) { provider(m)["deliver"] = []any{"mail"} }, "/deliver/0"},
		{"lead", func(m obj) { provider(m)["refresh_lead"] = "5m" }, ""},
		{"bad lead", func(m obj) { provider(m)["refresh_lead"] = "soon" }, "not a duration"},
		{"quota group", func(m obj) { provider(m)["quota_group"] = "email" }, ""},
		{"secret quota group", func(m obj) { provider(m)["quota_group"] = "api_key" }, "not a public field"},
		{"static models", func(m obj) { provider(m)["models"] = obj{"source": "static", "static": []any{"a"}} }, ""},
		{"static model that is no name", func(m obj) { provider(m)["models"] = obj{"source": "static", "static": []any{"a\x1b[2J"}} }, "control character"},
		{"static without models", func(m obj) { provider(m)["models"] = obj{"source": "static"} }, "models.static"},
		{"client header", func(m obj) { provider(m)["client_headers"] = []any{"X-Trace"} }, ""},
		{"secret client header", func(m obj) { provider(m)["client_headers"] = []any{"X-Api-Key"} }, "X-Api-Key may hold a secret"},
		{"client cookie", func(m obj) { provider(m)["client_headers"] = []any{"Cookie"} }, "Cookie may hold"},
		{"unknown kind", func(m obj) { fields(m)["email"].(obj)["kind"] = "open" }, "/email/kind"},
		{"public token", func(m obj) { fields(m)["access_Token"] = obj{"kind": "public"} }, "access_Token cannot be public"},
		{"public key", func(m obj) { fields(m)["apikey"] = obj{"kind": "public"} }, "apikey cannot be public"},
		{"public secret", func(m obj) { fields(m)["client_secret"] = obj{"kind": "public"} }, "cannot be public"},
		{"public cookie", func(m obj) { fields(m)["cookies"] = obj{"kind": "public"} }, "cannot be public"},
		{"public password", func(m obj) { fields(m)["password"] = obj{"kind": "public"} }, "cannot be public"},
		{"public private", func(m obj) { fields(m)["private"] = obj{"kind": "public"} }, "cannot be public"},
		{"public authorization", func(m obj) { fields(m)["authorization"] = obj{"kind": "public"} }, "cannot be public"},
		{"public header", func(m obj) { fields(m)["header:X-Trace"] = obj{"kind": "public"} }, "cannot be public"},
		{"default of a secret", func(m obj) { fields(m)["api_key"].(obj)["default"] = "x" }, "cannot have a default"},
		{"bad pattern", func(m obj) { fields(m)["email"].(obj)["pattern"] = "(" }, "does not compile"},
		{"pattern that escapes its group", func(m obj) { fields(m)["email"].(obj)["pattern"] = "a)|(b" }, "does not compile"},
		{"default against the pattern", func(m obj) { fields(m)["base_url"].(obj)["default"] = "ftp://x" }, "does not match the pattern"},
		{"destination twice", func(m obj) { dest(m, 1)["name"] = "api" }, "destination api is there twice"},
		{"destination of a secret", func(m obj) { dest(m, 0)["field"] = "api_key" }, "not a credential field of kind destination"},
		{"destination of both", func(m obj) { dest(m, 0)["host"] = "x.example" }, "want one of them"},
		{"destination of neither", func(m obj) { delete(dest(m, 1), "host") }, "needs a field"},
		{"wildcard host", func(m obj) { dest(m, 1)["host"] = "*.example" }, "/host"},
		{"host with a port", func(m obj) { dest(m, 1)["host"] = "a.example:80" }, "/host"},
		{"host with user", func(m obj) { dest(m, 1)["host"] = "a@b.example" }, "/host"},
		{"host of a field", func(m obj) {
			fields(m)["region"] = obj{"kind": "destination"}
			dest(m, 1)["host"] = "{region}.acme.example"
		}, ""},
		{"host of a public field", func(m obj) { dest(m, 1)["host"] = "{email}.acme.example" }, "{email} in the host"},
		{"climbing prefix", func(m obj) { dest(m, 1)["path_prefix"] = "/a/../b" }, "not a plain path"},
		{"bad scheme", func(m obj) { dest(m, 1)["scheme"] = "file" }, "/scheme"},
		{"bad method", func(m obj) { dest(m, 1)["methods"] = []any{"CONNECT"} }, "/methods/0"},
		{"slot of a public field", func(m obj) { slot(m)["secret"] = "email" }, "email is not secret"},
		{"slot of an unknown field", func(m obj) { slot(m)["secret"] = "nothing" }, "no field nothing"},
		{"slot of the configuration", func(m obj) { slot(m)["secret"] = "config:shared"; m["config_secrets"] = []any{"shared"} }, ""},
		{"slot of an open configuration", func(m obj) { slot(m)["secret"] = "config:shared" }, "not one of config_secrets"},
		{"slot at an unknown destination", func(m obj) { slot(m)["destination"] = "moon" }, "no destination moon"},
		{"slot with another method", func(m obj) { slot(m)["methods"] = []any{"DELETE"} }, "does not allow DELETE"},
		{"slot in Host", func(m obj) { slot(m)["position"] = "header:Host" }, "written by the host alone"},
		{"slot nowhere", func(m obj) { slot(m)["position"] = "somewhere" }, "/position"},
		{"signer", func(m obj) { signers(m, obj{"key": "api_key", "cover": "method body"}) }, ""},
		{"signer of an unknown parameter", func(m obj) { signers(m, obj{"key": "api_key", "cover": "body", "salt": "x"}) }, "salt is not a parameter"},
		{"signer without a key", func(m obj) { signers(m, obj{"cover": "body"}) }, "key is missing"},
		{"signer with an open key", func(m obj) { signers(m, obj{"key": "email", "cover": "body"}) }, "key names no secret"},
		{"signer of an unknown part", func(m obj) { signers(m, obj{"key": "api_key", "cover": "mood"}) }, "mood is not one of"},
		{"signer of a header of the host", func(m obj) { signers(m, obj{"key": "api_key", "cover": "header:Host"}) }, "written by the host alone"},
		{"signer of a time nowhere", func(m obj) { signers(m, obj{"key": "api_key", "cover": "timestamp body"}) }, "timestamp_header"},
		{"signer over itself", func(m obj) {
			signers(m, obj{"key": "api_key", "cover": "header:X-Signature body"})
			slot(m)["secret"], slot(m)["position"] = "signer:s", "header:x-signature"
		}, "in which it stands"},
		{"hash in a form", func(m obj) {
			signers(m, obj{"key": "api_key", "cover": "body"})
			slot(m)["secret"], slot(m)["position"] = "signer:s", "form:sig"
		}, "stands in a header"},
		{"slot of an unknown signer", func(m obj) { slot(m)["secret"] = "signer:t" }, "no signer t"},
		{"assertion that lives long", func(m obj) {
			signers(m, obj{"key": "api_key", "issuer": "email", "audience": "a", "lifetime": "61m"})
			m["signers"].([]any)[0].(obj)["kind"] = "jwt"
		}, "from 1s to 1h"},
		{"assertion of an algorithm without a key", func(m obj) {
			signers(m, obj{"key": "api_key", "issuer": "email", "audience": "a", "alg": "none"})
			m["signers"].([]any)[0].(obj)["kind"] = "jwt"
		}, "alg must be one of"},
		{"assertion", func(m obj) {
			signers(m, obj{"key": "api_key#/private_key", "issuer": "email", "audience": "a"})
			m["signers"].([]any)[0].(obj)["kind"] = "jwt"
		}, ""},
		{"readable without fields", func(m obj) {
			m["capabilities"] = append(m["capabilities"].([]any), obj{"name": "secrets_readable", "reason": "must"})
		}, "fields go with secrets_readable"},
		{"fields of another capability", func(m obj) { m["capabilities"].([]any)[0].(obj)["fields"] = []any{"api_key"} }, "fields go with secrets_readable"},
		{"readable field that is none", func(m obj) {
			m["capabilities"] = append(m["capabilities"].([]any), obj{"name": "secrets_readable", "reason": "must", "fields": []any{"email"}})
		}, "not a secret field"},
		{"no network", func(m obj) { delete(m, "capabilities") }, "capability network"},
		{"no reason", func(m obj) { delete(m["capabilities"].([]any)[0].(obj), "reason") }, "'reason'"},
		{"unknown capability", func(m obj) { m["capabilities"].([]any)[0].(obj)["name"] = "root" }, "/capabilities/0/name"},
		{"configuration schema", func(m obj) { m["config"] = obj{"type": "object", "properties": obj{"n": obj{"type": "integer"}}} }, ""},
		{"bad configuration schema", func(m obj) { m["config"] = obj{"type": "nonsense"} }, "config is not a JSON Schema"},
		{"schema that reads a file", func(m obj) { m["config"] = obj{"$ref": "file:///etc/passwd"} }, "may not refer to"},
		{"schema with definitions", func(m obj) {
			m["config"] = obj{"$defs": obj{"a": obj{"type": "string"}}, "properties": obj{"x": obj{"$ref": "#/$defs/a"}, "y": obj{"$ref": "#/$defs/a"}}}
		}, ""},
		{"schema that names nothing", func(m obj) { m["config"] = obj{"$ref": "#/$defs/b"} }, "names nothing"},
		{"schema that leads back", func(m obj) {
			m["config"] = obj{"$defs": obj{"a": obj{"anyOf": []any{obj{"$ref": "#/$defs/a"}}}}, "$ref": "#/$defs/a"}
		}, "leads back to itself"},
		{"schema that doubles", func(m obj) {
			defs := obj{"d40": true}
			for i := range 40 {
				next := obj{"$ref": fmt.Sprintf("#/$defs/d%d", i+1)}
				defs[fmt.Sprintf("d%d", i)] = obj{"allOf": []any{next, next}}
			}
			m["config"] = obj{"$defs": defs, "$ref": "#/$defs/d0"}
		}, "nodes once its references are followed"},
		{"schema that reads a server", func(m obj) { m["config"] = obj{"$ref": "http://127.0.0.1/x"} }, "may not refer to"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := manifest()
			tt.change(m)
			_, err := plugins.ParseManifest(encode(t, m))
			if tt.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			wantRefused(t, err, tt.want)
		})
	}
}

func TestManifestText(t *testing.T) {
	good := string(encode(t, manifest()))
	tests := []struct{ name, text, want string }{
		{"empty", "", "not usable JSON"},
		{"text", "id: acme", "not usable JSON"},
		{"list", "[]", "manifest"},
		{"key twice", strings.Replace(good, `"abi":1`, `"abi":1,"abi":1`, 1), `"abi" occurs twice`},
		{"key twice, spelled otherwise", strings.Replace(good, `"abi":1`, `"abi":1,"\u0061bi":1`, 1), `"abi" occurs twice`},
		{"text after", good + "{}", "text after"},
		{"not UTF-8", strings.Replace(good, "acme", "acm\xff", 1), "not UTF-8"},
		{"deep", strings.Repeat("[", 10_000), "nests deeper"},
		{"too long", strings.Repeat(" ", abi.MaxManifest+1), "the most is"},
		{"number too long", strings.Replace(good, `"abi":1`, `"abi":1e400`, 1), "abi"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := plugins.ParseManifest([]byte(tt.text))
			wantRefused(t, err, tt.want)
		})
	}
}

// What this build does not have is refused by name, whatever else is there.
func TestWhatThisHostLacksIsNamed(t *testing.T) {
	provides := func(m obj) obj { return m["provides"].(obj) }
	slot := func(m obj) obj { return m["slots"].([]any)[0].(obj) }
	tests := []struct {
		name   string
		change func(obj)
		want   []string // nil: has it
	}{
		{"edits", func(m obj) { m["requires"] = []any{"edits"} }, nil},
		{"features", func(m obj) { m["requires"] = []any{"edits", "ws", "telepathy"} }, []string{"feature ws", "feature telepathy"}},
		{"preparers", func(m obj) { provides(m)["preparers"] = []any{obj{"name": "p", "providers": []any{"x"}}} }, nil},
		{"post_auth", func(m obj) { provides(m)["post_auth"] = []any{obj{"name": "p"}} }, nil},
		{"observers", func(m obj) { provides(m)["observers"] = []any{obj{"name": "p", "events": []any{"result"}}} }, nil},
		{"refresh", func(m obj) { provider(m)["refresh"] = true }, nil},
		{"cancel, sessions", func(m obj) { provider(m)["cancel"] = true; provider(m)["sessions"] = true }, nil},
		{"exchange", func(m obj) { provider(m)["deliver"] = []any{"exchange"} }, nil},
		{"ws", func(m obj) { provider(m)["transports"] = []any{"http", "ws"} }, []string{"transport ws"}},
		{"count", func(m obj) { provider(m)["modes"] = []any{"execute", "count"} }, nil},
		{"signers", func(m obj) {
			m["signers"] = []any{obj{"name": "s", "kind": "hmac", "params": obj{"key": "api_key", "cover": "body"}}}
		}, nil},
		{"sigv4", func(m obj) { m["signers"] = []any{obj{"name": "aws", "kind": "sigv4"}} }, []string{"signer aws of kind sigv4"}},
		{"event-stream of AWS", func(m obj) { m["requires"] = []any{"aws_event_stream"} }, []string{"feature aws_event_stream"}},
		{"readable", func(m obj) {
			m["capabilities"] = append(m["capabilities"].([]any), obj{"name": "secrets_readable", "reason": "must", "fields": []any{"api_key"}})
		}, nil},
		{"form slot", func(m obj) { slot(m)["position"] = "form:key" }, nil},
		{"encoding", func(m obj) { slot(m)["encoding"] = "base64" }, nil},
		{"format", func(m obj) { provider(m)["formats"] = []any{"morse"} }, []string{"formats morse"}},
		{"one known format", func(m obj) { provider(m)["formats"] = []any{"morse", "openai-chat"} }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := manifest()
			tt.change(m)
			wasm := pack(t, small(), m)
			info, err := plugins.Inspect(wasm)
			if err != nil {
				t.Fatal(err)
			}
			p, err := newHost(t, nil).Load(t.Context(), wasm, nil)
			if tt.want == nil {
				if err != nil || len(info.Problems) != 0 {
					t.Fatalf("refused: %v, %v", err, info.Problems)
				}
				if err := p.Close(t.Context()); err != nil {
					t.Error(err)
				}
				return
			}
			wantRefused(t, err, append(tt.want, "acme 1.2.3", "this host does not have")...)
			if len(info.Problems) != 1 || !strings.Contains(info.Problems[0], tt.want[0]) {
				t.Errorf("Inspect says %q", info.Problems)
			}
		})
	}
}

func FuzzManifest(f *testing.F) {
	f.Add(encode(f, manifest()))
	f.Add([]byte(`{"id":"a","version":"1.0.0","abi":1,"provides":{"providers":[]}}`))
	f.Add([]byte(`{"id":"a","id":"b"}`))
	f.Add([]byte(`{"config":{"$ref":"#"},"abi":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := plugins.ParseManifest(data)
		if err != nil {
			if !errors.Is(err, plugins.ErrRefused) {
				t.Errorf("%v is not a refusal", err)
			}
			return
		}
		// What was read says the same when it is written and read again.
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plugins.ParseManifest(again); err != nil {
			t.Errorf("%s became %s: %v", data, again, err)
		}
		asks := plugins.GrantFor(m)
		if lacks := asks.Missing(asks); len(lacks) != 0 {
			t.Errorf("a grant does not cover itself: %q", lacks)
		}
	})
}

// signers gives a manifest one hmac signer with these parameters.
func signers(m, params obj) { m["signers"] = []any{obj{"name": "s", "kind": "hmac", "params": params}} }
