package admin

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
)

func (f *fake) ShowPlugin(_ context.Context, id string) (PluginDetail, error) {
	return PluginDetail{PluginView: PluginView{ID: id}, Manifest: json.RawMessage(`{"id":"x"}`),
		Pending: &PluginOffer{Version: "2.0.0", Manifest: json.RawMessage("{}"), New: []string{"capability network"}, Named: []string{"observe:x"}}}, f.answer()
}

func (f *fake) GrantPlugin(_ context.Context, req GrantRequest) (PluginView, error) {
	return PluginView{ID: req.ID, SHA256: req.SHA256, Grants: req.Grants, Status: map[bool]string{true: "active"}[req.Yes]}, f.answer()
}

func (f *fake) EnablePlugin(_ context.Context, id string) (PluginView, error) {
	return PluginView{ID: id, Status: "active"}, f.answer()
}

// TestPluginOperationsTravel: what a server answers reaches the command as it was.
func TestPluginOperationsTravel(t *testing.T) {
	dir := t.TempDir()
	ours := map[string]string{commandHeader: commandValue}
	f := &fake{ready: Health{Ready: true, Reasons: []string{"plugin a&b: in quarantine"}}}
	serve(t, dir, f)
	c, err := Dial(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	detail, err := c.ShowPlugin(t.Context(), "a&b c")
	want, _ := f.ShowPlugin(t.Context(), "a&b c")
	same(t, "ShowPlugin", detail, want, err)
	req := GrantRequest{ID: "a", SHA256: "ff", Yes: true, Grants: []string{"observe:x"}}
	view, err := c.GrantPlugin(t.Context(), req)
	wantView, _ := f.GrantPlugin(t.Context(), req)
	same(t, "GrantPlugin", view, wantView, err)
	view, err = c.EnablePlugin(t.Context(), "a")
	same(t, "EnablePlugin", view, PluginView{ID: "a", Status: "active"}, err)
	for _, path := range []string{"/v1/plugins/show", "/v1/plugins/enable"} {
		method := map[string]string{"/v1/plugins/show": "GET"}[path]
		if method == "" {
			method = "POST"
		}
		if a := raw(t, dir, method, path, "", ours); a.StatusCode != 400 || !strings.Contains(a.body, "an id is needed") {
			t.Errorf("%s without an id: %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := raw(t, dir, "GET", "/readyz", "", ours); a.StatusCode != 200 || a.body != "ready\nplugin a&b: in quarantine\n" {
		t.Errorf("P-10 readiness: %d %q", a.StatusCode, a.body)
	}
}
