package walk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/patchbay-dev/patchbay/host/testkit/walk"
)

// at is where a walk's guest is.
func at(name string) string {
	return filepath.Join("..", "..", "..", "plugins", "testdata", "walks", name)
}

func TestMain(m *testing.M) {
	var dirs []string
	for _, name := range []string{"vertex", "jobs", "envelope", "hidden", "tokens", "socket", "hmac", "redteam"} {
		dirs = append(dirs, at(name))
	}
	for _, name := range []string{"echo", "openai-compatible", "device-login", "oauth-messages", "mail-gate"} {
		dirs = append(dirs, example(name))
	}
	if err := walk.Warm(dirs...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
