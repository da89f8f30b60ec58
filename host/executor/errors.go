package executor

import (
	"fmt"
	"time"
)

// UpstreamError is a provider's answer that is an error, or the lack of one.
// It is what executors return for everything that the provider did, as opposed
// to what the core decided (auth.Error). spec: core.md 2.3.
type UpstreamError struct {
	// Status is the HTTP status; 0 when no answer came (dial, TLS, reset).
	Status int
	// Code is one of the registry in abi/SPEC.md; may be empty.
	Code string
	// Message is short, for people, and scrubbed of secrets.
	Message string
	// Body is the provider's error body, scrubbed, ≤ 64 KiB; may be nil.
	Body []byte
	// ContentType of Body.
	ContentType string
	// Retry is the provider's hint; nil when there is none.
	Retry *time.Duration
	// RetrySource says where the hint was found: one of the Hint constants;
	// empty means unknown.
	RetrySource string
	// CredentialScope: the failure is about every model of the credential.
	CredentialScope bool
	// RequestScope: the request itself is at fault; no credential is to blame
	// and no other will do better.
	RequestScope bool
	// Committed: work was started upstream that a retry would pay for twice.
	Committed bool
	// Host is host:port of an upstream that sent not one byte in answer, and
	// might do the same to anybody; else empty. What a proxy of the credential's
	// own may have caused names no host.
	Host string
	// Refresh: the executor asks for the credential's refresh and one more call
	// with its new tokens. It goes with status 401.
	Refresh bool
	// Err is the cause, when there was no answer.
	Err error
}

// Where a provider's hint was found, see UpstreamError.RetrySource.
const (
	HintHeader = "header"
	HintBody   = "body"
	HintPlugin = "plugin"
)

// Error says the status and the message.
func (e *UpstreamError) Error() string {
	switch {
	case e.Status != 0 && e.Message != "":
		return fmt.Sprintf("upstream status %d: %s", e.Status, e.Message)
	case e.Status != 0:
		return fmt.Sprintf("upstream status %d", e.Status)
	case e.Message != "":
		return "upstream: " + e.Message
	case e.Err != nil:
		return "upstream: " + e.Err.Error()
	}
	return "upstream failed"
}

// Unwrap returns the cause.
func (e *UpstreamError) Unwrap() error { return e.Err }

// StatusCode implements StatusError.
func (e *UpstreamError) StatusCode() int { return e.Status }

// RetryAfter implements RetryAfterError.
func (e *UpstreamError) RetryAfter() *time.Duration { return e.Retry }

// IsRequestScoped reports whether the request itself is at fault.
func (e *UpstreamError) IsRequestScoped() bool { return e.RequestScope }

// IsCredentialScoped reports whether every model is concerned.
func (e *UpstreamError) IsCredentialScoped() bool { return e.CredentialScope }

// ResponseBody returns the provider's error body.
func (e *UpstreamError) ResponseBody() []byte { return e.Body }
