package auth

import (
	"fmt"
	"io"
	"log/slog"
)

// String names the credential without any secret: id, provider, label, status.
func (a Auth) String() string {
	return fmt.Sprintf("auth %q (provider %q, label %q, status %q)", a.ID, a.Provider, a.Label, a.Status)
}

// GoString is String, so that %#v shows no secret either.
func (a Auth) GoString() string { return a.String() }

// Format writes String for every verb and flag.
func (a Auth) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, a.String()) // fmt.State keeps what it is given
}

// LogValue is what slog shows: id, provider, label and status.
func (a Auth) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", a.ID),
		slog.String("provider", a.Provider),
		slog.String("label", a.Label),
		slog.String("status", string(a.Status)),
	)
}
