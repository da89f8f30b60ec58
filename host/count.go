package host

import (
	"errors"
	"net/http"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/retry"
)

// uncounted reports whether err says no more than that tokens cannot be counted
// here: a 404 that is not about the model, or an executor that has no such
// operation. core-decisions.md section 2, row 15.
func uncounted(err error) bool {
	if own, ok := errors.AsType[*auth.Error](err); ok && own.Code == auth.CodeNotSupported {
		return true
	}
	if retry.StatusOf(err) != http.StatusNotFound {
		return false
	}
	said, _, _ := retry.ResultOf(err)
	return said.Fault() != auth.FaultModel
}
