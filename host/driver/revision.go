package driver

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// revisionOf tells two states of a credential apart: a digest of all that a
// plugin's work on it depends on. It is never 0.
func revisionOf(a *auth.Auth) uint64 {
	raw, err := json.Marshal([]any{a.ID, a.Label, a.Prefix, a.Attributes, a.Metadata})
	if err != nil { // what is kept of a credential always marshals
		return 1
	}
	sum := sha256.Sum256(raw)
	return binary.BigEndian.Uint64(sum[:8]) | 1
}
