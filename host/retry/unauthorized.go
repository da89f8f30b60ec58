package retry

import (
	"net/http"
	"strings"
)

// Unauthorized reports whether err says that the credential's token was not
// taken, so that a new one may help: status 401, or a text that says so where
// there is no status, and neither a fault of the request nor work that another
// call would pay for twice. spec: core.md 2.8.
func Unauthorized(err error) bool {
	if err == nil || !Failover(err) {
		return false
	}
	switch StatusOf(err) {
	case http.StatusUnauthorized:
		return true
	case 0:
		text := strings.ToLower(err.Error())
		return strings.Contains(text, "status 401") || strings.Contains(text, "401 unauthorized")
	}
	return false
}
