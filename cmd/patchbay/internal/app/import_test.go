package app

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// oauth is a provider as a plugin may declare it: tokens that are secret, and an
// account that is not.
var oauth = map[string]served{"claude": {
	manifest: &abi.Manifest{ID: "claude", Destinations: []abi.Destination{{Name: "api", Field: "base_url"}}, Credential: abi.CredentialSchema{Fields: map[string]abi.CredentialField{
		"access_token": {}, "refresh_token": {Required: true}, "account": {Kind: abi.FieldPublic}, "email": {Kind: abi.FieldPublic},
		"base_url": {Kind: abi.FieldDestination}, "keyfile": {},
	}}},
	provider: abi.Provider{Key: "claude"},
}}

func plan(t *testing.T, name, content string, known ...*auth.Auth) (admin.ImportedFile, *auth.Auth) {
	t.Helper()
	out, rec := planImport(admin.ImportFile{Name: name, Content: []byte(content)}, oauth, known)
	if (rec != nil) != (out.State == admin.ImportReady) {
		t.Fatalf("%+v with a record: %v", out, rec != nil)
	}
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "fake-") {
		t.Errorf("it shows a value: %s", raw)
	}
	return out, rec
}

func TestImportTakesOverWhatIsUnderstood(t *testing.T) {
	out, rec := plan(t, "sub/a.json", `{"type":"claude","access_token":"fake-a","token":{"refresh_token":"fake-r"},"keyfile":{"k":["fake-k"]},
		"email":"a@example.com","account":7,"expired":"2030-01-02T03:04:05Z","disabled":true,"prefix":"team","proxy_url":"socks5://fake-user:fake-pass@h:1",
		"priority":5,"disable_cooling":true,"id_token":"fake-i","fake-sk/1=2":1,"last_refresh":"2029-01-01T00:00:00Z"}`)
	want := admin.ImportedFile{Name: "sub/a.json", Provider: "claude", State: admin.ImportReady,
		Fields:        []string{"access_token", "account", "disable_cooling", "disabled", "email", "expired", "keyfile", "last_refresh", "prefix", "priority", "proxy_url", "refresh_token"},
		NotUnderstood: []string{"(a name of 11 bytes)", "id_token"}}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantRec := &auth.Auth{
		Provider: "claude", Label: "a@example.com", Prefix: "team", ProxyURL: "socks5://fake-user:fake-pass@h:1", Disabled: true, Status: auth.StatusActive,
		Attributes: map[string]string{"account": "7", "email": "a@example.com", auth.AttrPriority: "5", auth.AttrSource: "import:sub/a.json"},
		Metadata: map[string]any{"access_token": "fake-a", "refresh_token": "fake-r", "keyfile": `{"k":["fake-k"]}`,
			"expired": "2030-01-02T03:04:05Z", "last_refresh": "2029-01-01T00:00:00Z", "disable_cooling": true},
	}
	if diff := cmp.Diff(toMap(t, wantRec), toMap(t, rec)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// toMap is for comparing: a record does not show itself to cmp.
func toMap(t *testing.T, a *auth.Auth) (m map[string]any) {
	t.Helper()
	raw, err := json.Marshal(a)
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestImportIsAllOrNothing(t *testing.T) {
	for name, c := range map[string]struct{ content, state, reason string }{
		"no JSON":             {`fake-x`, admin.ImportRefused, "not a JSON object"},
		"no type":             {`{"access_token":"fake-a"}`, admin.ImportRefused, `"type" does not name a provider`},
		"no plugin":           {`{"type":"qwen","access_token":"fake-a"}`, admin.ImportUnserved, "no installed plugin"},
		"an odd type":         {`{"type":"fake-sk/=="}`, admin.ImportUnserved, "no installed plugin"},
		"a field is missing":  {`{"type":"claude","access_token":"fake-a"}`, admin.ImportRefused, "refresh_token is required"},
		"a bad destination":   {`{"type":"claude","refresh_token":"fake-r","base_url":"fake-url"}`, admin.ImportRefused, "base_url"},
		"a control character": {`{"type":"claude","refresh_token":"fake-r\n"}`, admin.ImportRefused, "control character"},
		"a bad proxy":         {`{"type":"claude","refresh_token":"fake-r","proxy_url":"fake-proxy"}`, admin.ImportRefused, "proxy_url"},
		"a bad prefix":        {`{"type":"claude","refresh_token":"fake-r","prefix":"/fake-p"}`, admin.ImportRefused, "prefix"},
		"a bad label":         {`{"type":"claude","refresh_token":"fake-r","email":"fake-\u0000"}`, admin.ImportRefused, "label"},
		"too large":           {strings.Repeat(" ", admin.MaxImportFile+1), admin.ImportRefused, "larger than 256 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := plan(t, "a.json", c.content)
			if out.State != c.state || !strings.Contains(out.Reason, c.reason) {
				t.Errorf("%+v", out)
			}
		})
	}
}

// TestImportDoublesNobody: two copies of one account would lock each other out
// at the next refresh.
func TestImportDoublesNobody(t *testing.T) {
	known := []*auth.Auth{
		{ID: "other", Provider: "qwen", Metadata: map[string]any{"refresh_token": "fake-r", "email": "a@example.com"}},
		{ID: "by-mail", Provider: "claude", Attributes: map[string]string{"email": "A@example.com"}},
		{ID: "by-file", Provider: "claude", Attributes: map[string]string{auth.AttrSource: "import:b.json"}},
		{ID: "by-token", Provider: "claude", Metadata: map[string]any{"refresh_token": "fake-same", "expired": "2030-01-02T03:04:05Z"}},
	}
	for content, want := range map[string]string{
		`{"type":"claude","refresh_token":"fake-r"}`:                                  "",
		`{"type":"claude","refresh_token":"fake-r","expired":"2030-01-02T03:04:05Z"}`: "",
		`{"type":"claude","refresh_token":"fake-new","email":"a@example.com"}`:        "by-mail",
		`{"type":"claude","refresh_token":"fake-same"}`:                               "by-token",
	} {
		if out, _ := plan(t, "a.json", content, known...); out.ID != want || (want != "") != (out.State == admin.ImportExists) {
			t.Errorf("%s: %+v", content, out)
		}
	}
	if out, _ := plan(t, "b.json", `{"type":"claude","refresh_token":"fake-rotated"}`, known...); out.ID != "by-file" {
		t.Errorf("the same file: %+v", out)
	}
}

func TestImportNamesFilesSafely(t *testing.T) {
	out, _ := plan(t, "a\x1b[2J\n\xff.json", `{}`)
	if out.Name != "a?[2J??.json" {
		t.Errorf("%q", out.Name)
	}
	if got := labelOf(`x\y/work.json`); got != "work" {
		t.Errorf("%q", got)
	}
}
