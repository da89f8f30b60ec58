package settings

import (
	"fmt"
	"log/slog"
)

// String names the credential without its fields, since Secrets, Set and
// ProxyURL may hold secrets; %v and %+v of a Config show the same.
func (c Credential) String() string {
	return fmt.Sprintf("credential %s/%s (%s)", c.Provider, c.Label, c.Source)
}

// GoString is String, for %#v.
func (c Credential) GoString() string { return c.String() }

// LogValue is String, for slog.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }
