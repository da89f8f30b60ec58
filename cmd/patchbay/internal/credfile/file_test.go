package credfile

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		want      File
	}{
		{"tokens beside the type", `{"type":"Claude ","access_token":"fake-a","refresh_token":"fake-r","email":" a@example.com ","expired":"2030-01-02T03:04:05Z","last_refresh":"2030-01-01T00:00:00Z"}`,
			File{Provider: "claude", Email: "a@example.com",
				Known:  map[string]any{"expired": "2030-01-02T03:04:05Z", "last_refresh": "2030-01-01T00:00:00Z"},
				Fields: map[string]string{"access_token": "fake-a", "refresh_token": "fake-r"}}},
		{"tokens in an object", `{"type":"gemini","project_id":"p","token":{"access_token":"fake-a","expiry":"2030-01-02T03:04:05Z","scopes":["x","y"],"expires_in":3599}}`,
			File{Provider: "gemini", Known: map[string]any{"expiry": "2030-01-02T03:04:05Z"},
				Fields: map[string]string{"project_id": "p", "access_token": "fake-a", "scopes": `["x","y"]`, "expires_in": "3599"}}},
		{"the same token twice", `{"type":"p","access_token":"fake","token":{"access_token":"fake"}}`,
			File{Provider: "p", Fields: map[string]string{"access_token": "fake"}}},
		{"a token that is a text", `{"type":"p","token":"fake"}`, File{Provider: "p", Fields: map[string]string{"token": "fake"}}},
		{"what the operator set", `{"type":"p","disabled":true,"prefix":"team","proxy_url":"http://proxy.example:1","priority":-2,"disable_cooling":true,"request-retry":1}`,
			File{Provider: "p", Disabled: true, Prefix: "team", ProxyURL: "http://proxy.example:1", Priority: -2,
				Known: map[string]any{"disable_cooling": true, "request_retry": json.Number("1")}}},
		{"numbers as text", `{"type":"p","disabled":"false","priority":"7","expired":1893553445}`,
			File{Provider: "p", Priority: 7, Known: map[string]any{"expired": json.Number("1893553445")}}},
		{"a key file in an object", `{"type":"vertex","service_account":{"private_key":"fake\n<&>","n":1}}`,
			File{Provider: "vertex", Fields: map[string]string{"service_account": `{"n":1,"private_key":"fake\n<&>"}`}}},
		{"nothing but a type", "\ufeff" + ` {"type":"p","email":"","expired":null} `, File{Provider: "p"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse([]byte(c.raw))
			if err != nil {
				t.Fatal(err)
			}
			if c.want.Known == nil {
				c.want.Known = map[string]any{}
			}
			if c.want.Fields == nil {
				c.want.Fields = map[string]string{}
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestParseRefuses: what cannot be understood is refused, in words that hold
// nothing of the file but names.
func TestParseRefuses(t *testing.T) {
	const secret = "canary-fake-0123"
	for raw, want := range map[string]string{
		``:                         "not a JSON object",
		`[]`:                       "not a JSON object",
		`"` + secret + `"`:         "not a JSON object",
		`{"type":"p"`:              "not a JSON object",
		`{"type":"p"} x`:           "not a JSON object",
		`{"type":"p"}{"type":"p"}`: "not a JSON object",
		`{"a":"` + secret + `\`:    "not a JSON object",
		`{"a":` + secret + `}`:     "not a JSON object",
		`{}`:                       `"type" does not name a provider`,
		`{"type":""}`:              `"type" does not name a provider`,
		`{"type":7}`:               "type is not a text",
		`{"type":"p","type":"q"}`:  "type stands there twice",
		`{"a":1,"` + secret + `!":1,"` + secret + `!":2}`:                               "(a name of 17 bytes) stands there twice",
		`{"type":"p","disabled":"` + secret + `"}`:                                      "disabled is neither true nor false",
		`{"type":"p","priority":"` + secret + `"}`:                                      "priority is not an integer",
		`{"type":"p","priority":1.5}`:                                                   "priority is not an integer",
		`{"type":"p","expired":"` + secret + `"}`:                                       "expired is not a time",
		`{"type":"p","email":["` + secret + `"]}`:                                       "email is not a text",
		`{"type":"p","proxy_url":{"a":"` + secret + `"}}`:                               "proxy_url is not a text",
		`{"type":"p","access_token":"` + secret + `","token":{"access_token":"other"}}`: "access_token stands there twice",
		`{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`:               "nested too deeply",
	} {
		_, err := Parse([]byte(raw))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error holds a value: %v", raw, err)
		}
	}
}

func TestParseTellsEveryProblem(t *testing.T) {
	_, err := Parse([]byte(`{"type":1,"disabled":2,"priority":"x"}`))
	if err == nil || len(strings.Split(err.Error(), "\n")) != 3 {
		t.Errorf("%v", err)
	}
}

func TestName(t *testing.T) {
	for key, want := range map[string]string{
		"access_token": "access_token", "x.y-z 1": "x.y-z 1", "": "(a name of 0 bytes)",
		"sk-fake/secret=": "(a name of 15 bytes)", strings.Repeat("k", 65): "(a name of 65 bytes)", "a\nb": "(a name of 3 bytes)",
	} {
		if got := Name(key); got != want {
			t.Errorf("%q: %q", key, got)
		}
	}
}

// FuzzParse: no file makes it panic, or an error that quotes a value.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"type":"p","token":{"access_token":"fake"},"priority":1}`, `{"type":"p","expired":"x"}`, `{"a":{"b":[1,2,{"c":null}]}}`, `[`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := Parse(raw)
		if (file == nil) == (err == nil) {
			t.Fatal("neither a file nor an error, or both")
		}
		if err != nil {
			return
		}
		if file.Provider == "" || file.Fields == nil || file.Known == nil {
			t.Errorf("%+v", file)
		}
	})
}
