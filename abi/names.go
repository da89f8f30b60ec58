package abi

import "strings"

// sealedParts are parts of the names that no credential field which a guest sees
// may have.
var sealedParts = [...]string{"token", "key", "secret", "cookie", "password", "private", "authorization"}

// SealedName reports whether a field of this name is secret whatever a manifest
// says. SPEC.md section 6.
func SealedName(name string) bool {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "header:") {
		return true
	}
	for _, part := range sealedParts {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// hostHeaders belong to the connection, or, as the encoding of the answer, are
// undone by the host. In lower case.
var hostHeaders = [...]string{
	"host", "content-length", "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization",
	"te", "trailer", "transfer-encoding", "upgrade", "accept-encoding",
}

// HostHeader reports whether a header, in any case, is the host's alone.
// SPEC.md section 5.
func HostHeader(name string) bool {
	for _, h := range hostHeaders {
		if strings.EqualFold(name, h) {
			return true
		}
	}
	return false
}

// ModelName reports whether name can be the name of a model: 1 to MaxModelName
// bytes, without a control character.
func ModelName(name string) bool {
	for i := range len(name) {
		if name[i] < ' ' || name[i] == 0x7f {
			return false
		}
	}
	return name != "" && len(name) <= MaxModelName
}
