package retry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/patchbay-dev/patchbay/host/retry"
)

func TestUnauthorized(t *testing.T) {
	committed := upstream(401, "", "")
	committed.Committed = true
	request := upstream(401, "", "")
	request.RequestScope = true
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nil":                  {nil, false},
		"401":                  {fmt.Errorf("attempt: %w", upstream(401, "", "")), true},
		"a key, said with 400": {upstream(400, "auth_invalid", ""), true},
		"403":                  {upstream(403, "", ""), false},
		"text":                 {errors.New("token endpoint: Status 401"), true},
		"text of another":      {coded{500, "got 401 Unauthorized"}, false},
		"committed":            {committed, false},
		"of the request":       {request, false},
		"canceled":             {context.Canceled, false},
	} {
		if got := retry.Unauthorized(c.err); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
