package app

import (
	"fmt"

	"github.com/patchbay-dev/patchbay/host/admin"
)

func invalid(format string, args ...any) error {
	return &admin.Error{Code: admin.CodeInvalid, Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &admin.Error{Code: admin.CodeNotFound, Message: fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) error {
	return &admin.Error{Code: admin.CodeConflict, Message: fmt.Sprintf(format, args...)}
}
