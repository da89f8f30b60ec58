package telemetry

import "strings"

// secretWords make an attribute secret when its key contains one, after case
// and separators are taken away.
var secretWords = []string{
	"authorization", "apikey", "token", "secret", "password", "passwd", "passphrase", "cookie", "privatekey", "bearer",
}

// secretKeys are secret as a whole only: as a part they are too common (a
// key_id is no secret).
var secretKeys = []string{"key", "clientkey", "signingkey", "assertion"}

// longestKey is how much of a key is looked at. A longer one is no attribute
// that anybody wrote on purpose, and counts as secret.
const longestKey = 64

// secretKey reports whether an attribute with this key holds a secret by its
// name.
func secretKey(key string) bool {
	if len(key) > longestKey {
		return true
	}
	var buf [longestKey]byte
	n := 0
	for i := range len(key) {
		c := key[i]
		if c == '_' || c == '-' || c == '.' || c == ' ' || c == ':' {
			continue
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[n] = c
		n++
	}
	name := string(buf[:n])
	for _, w := range secretWords {
		if strings.Contains(name, w) {
			return true
		}
	}
	for _, w := range secretKeys {
		if name == w {
			return true
		}
	}
	return false
}
