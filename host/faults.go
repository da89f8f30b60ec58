package host

import (
	"fmt"
	"net/http"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/retry"
)

// fault makes an error of the core, with the status that its code has.
func fault(code, format string, args ...any) *auth.Error {
	return &auth.Error{Code: code, Message: fmt.Sprintf(format, args...), HTTPStatus: auth.StatusOf(code)}
}

// ClientError returns what a client is told of an error of Execute, OpenStream
// or ExecuteStream. Most errors are told as they are. When a provider refused
// the operator's credential (401, 402, 403), the client's own key is not wrong:
// it gets auth_unavailable, without the provider's words. nil stays nil.
func ClientError(err error) error {
	if err == nil || retry.RequestFault(err) {
		return err
	}
	switch status := retry.StatusOf(err); status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden:
		return fault(auth.CodeAuthUnavailable, "the provider refused the credential that was used (status %d); the operator has to look at it", status)
	}
	return err
}
