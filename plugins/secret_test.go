package plugins_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestSecretsOfAConfiguration are there for whoever asks by name, and in nothing
// that is printed.
func TestSecretsOfAConfiguration(t *testing.T) {
	m := manifest()
	m["config"] = obj{"type": "object"}
	m["config_secrets"] = []any{"key", "account", "unset"}
	p, err := newHost(t, nil).Load(t.Context(), pack(t, small(), m), []byte(`{"key":"secret-key-of-mine","account":{"id":1},"plain":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"key": "secret-key-of-mine", "account": `{"id":1}`, "unset": "", "plain": ""} {
		if got := p.Secret(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, p); strings.Contains(text, "secret-key-of-mine") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}
