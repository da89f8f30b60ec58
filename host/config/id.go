package config

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// DefaultLabel is the label of a credential in the file that has none.
const DefaultLabel = "default"

// CredentialID is the id of a credential that the file declares: "cfg-" and the
// first 16 hex digits of the SHA-256 over provider and label, each after its
// length as eight bytes big endian. So its cooldowns find it again after a
// restart.
func CredentialID(provider, label string) string {
	h := sha256.New()
	for _, part := range []string{provider, label} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return "cfg-" + hex.EncodeToString(h.Sum(nil))[:16]
}
