package abi_test

import (
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
)

// TestNamesThatAreNotAPluginsToUse: the host's check of a manifest and its check
// of a request go by the same lists; they once had one each.
func TestNamesThatAreNotAPluginsToUse(t *testing.T) {
	for name, want := range map[string]bool{
		"access_token": true, "API_KEY": true, "client_secret": true, "Cookies": true, "private_pem": true, "header:X-Any": true,
		"email": false, "project_id": false, "region": false, "x-header": false, "": false,
	} {
		if got := abi.SealedName(name); got != want {
			t.Errorf("SealedName(%q) is %v", name, got)
		}
	}
	for name, want := range map[string]bool{
		"small": true, "vendor/large:free": true, "größe 2": true, strings.Repeat("x", abi.MaxModelName): true,
		"": false, "a\nb": false, "\x1b[31m": false, "\x7f": false, strings.Repeat("x", abi.MaxModelName+1): false,
	} {
		if got := abi.ModelName(name); got != want {
			t.Errorf("ModelName(%q) is %v", name, got)
		}
	}
	for name, want := range map[string]bool{
		"Host": true, "content-length": true, "TE": true, "Accept-Encoding": true, "Proxy-Authorization": true,
		"Authorization": false, "Accept": false, "X-Host": false, "": false,
	} {
		if got := abi.HostHeader(name); got != want {
			t.Errorf("HostHeader(%q) is %v", name, got)
		}
	}
}
