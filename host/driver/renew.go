package driver

import (
	"net/http"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// renew is a guest's wish for new tokens. The manager has the credential
// refreshed, and makes the attempt once more: once for each credential of a
// request. When that is not possible, or did not help, it is the error that
// stands: a credential that the provider does not take.
func (a *attempt) renew(op abi.Op) error {
	out := &executor.UpstreamError{Status: http.StatusUnauthorized, Message: "the plugin asks for new tokens"}
	if op == abi.OpClassify && a.upstream != nil {
		*out = *a.upstream
	}
	out.Status, out.Code, out.Refresh = http.StatusUnauthorized, "auth_invalid", true
	return out
}
