package main

import (
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins"
)

// TestAPluginCannotForgeWhatIsShown: the page that an operator decides on is made
// of the plugin's own words. They once reached the terminal as they were, and
// could wipe the lines above.
func TestAPluginCannotForgeWhatIsShown(t *testing.T) {
	m := &abi.Manifest{
		ID: "p", Version: "1", Description: "nice\x1b[2J\x1b[H\nasks for nothing\u202e\u009b1A",
		Capabilities: []abi.Capability{{Name: abi.CapabilityNetwork, Reason: "fine\r\x1b[2K"}},
		Credential:   abi.CredentialSchema{Fields: map[string]abi.CredentialField{"x": {Description: "ü\x1b[8m"}}},
	}
	m.Provides.Providers = []abi.Provider{{Key: "p", Formats: []string{"openai-chat"}, Modes: []string{"execute"}, Body: "bytes"}}
	var b strings.Builder
	if err := describe(&b, &plugins.Info{Manifest: m, Asks: plugins.GrantFor(m)}); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if strings.ContainsAny(got, "\x1b\r\u202e\u009b") || strings.Contains(got, "\nasks for nothing") {
		t.Errorf("%q", got)
	}
	for _, want := range []string{`nice\x1b[2J\x1b[H\nasks for nothing\u202e`, `asks for network: fine\r\x1b[2K`, "reads request bodies of p", "ü"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// TestACellHasRoomForSome: ten thousand models once made one line of the table.
func TestACellHasRoomForSome(t *testing.T) {
	names := strings.Split("a,b,c,d,e,f,g,h,i,j", ",")
	for n, want := range map[int]string{0: "", 1: "a", 8: "a,b,c,d,e,f,g,h", 10: "a,b,c,d,e,f,g,h and 2 more"} {
		if got := some(names[:n]); got != want {
			t.Errorf("%d models: %q", n, got)
		}
	}
}
