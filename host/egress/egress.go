// Package egress is the one door out: every request of a guest or a builtin
// leaves through it. It checks where a request goes, the address at the moment
// of dialling, follows no redirect, and bounds what comes back.
package egress

import (
	"fmt"
)

// Destination is a place that one credential of one plugin may send to.
type Destination struct {
	// Name is the manifest's.
	Name string
	// Scheme is http or https; Host is a name or an address, lower case,
	// without brackets; Port is never 0.
	Scheme string
	Host   string
	Port   int
	// PathPrefix is what every path begins with, on segment borders; empty or
	// "/" allows all.
	PathPrefix string
	// Methods that may be used, upper case.
	Methods []string
	// Private: the operator wrote localhost or an address literal, or set
	// allow_private, so loopback and private ranges are allowed. Link-local and
	// metadata addresses never are.
	Private bool
}

// Reason is why the door did not give an answer.
type Reason uint8

// The reasons.
const (
	// Refused: a rule of ours forbids the request. Nothing was sent.
	Refused Reason = iota + 1
	// Unreachable: resolving, dialling or TLS failed. Nothing was sent.
	Unreachable
	// Broken: the connection failed after the request may have been received.
	Broken
	// Timeout: no answer, or no further byte, in time.
	Timeout
	// TooLarge: the answer passed its cap.
	TooLarge
)

var reasonNames = [...]string{"none", "refused", "unreachable", "broken", "timeout", "too large"}

// String returns the reason's name.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// Error is the door's error. Rule names what was broken when Reason is
// Refused. It never holds a header, a query or a body.
type Error struct {
	Reason Reason
	// Target is scheme://host:port, never more.
	Target string
	Rule   string
	Err    error
}

// Error says what happened, to which target.
func (e *Error) Error() string {
	s := "egress: " + e.Target + ": " + e.Reason.String()
	if e.Rule != "" {
		s += ": " + e.Rule
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
