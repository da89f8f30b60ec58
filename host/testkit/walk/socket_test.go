package walk_test

import (
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host/testkit/walk"
)

// TestWalk07WebSocketsAreRefusedByName walks a provider that this host cannot
// serve: it is not loaded, and the operator reads what is missing.
func TestWalk07WebSocketsAreRefusedByName(t *testing.T) {
	_, err := walk.TryLoad(t, at("socket"), nil)
	if err == nil || !strings.Contains(err.Error(), "feature ws") || !strings.Contains(err.Error(), "transport ws") {
		t.Errorf("error is %v", err)
	}
}
