package settings

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestCredentialShowsNoSecret(t *testing.T) {
	const secret = "canary"
	c := Credential{
		Provider: "echo", Label: "work", Source: "patchbay.yaml:7", ProxyURL: "http://u:" + secret + "@proxy",
		Set: map[string]string{"a": secret}, Secrets: map[string]string{"b": secret},
	}
	var b strings.Builder
	for _, handler := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(handler).Info("loaded", "credential", c)
	}
	for _, v := range []any{c, &c, Config{Credentials: []Credential{c}}} {
		fmt.Fprintf(&b, "%v %+v %#v\n", v, v, v)
	}
	if text := b.String(); strings.Contains(text, secret) || !strings.Contains(text, "echo/work (patchbay.yaml:7)") {
		t.Error(text)
	}
}
