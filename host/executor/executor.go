// Package executor holds the types that pass between the manager, the
// selectors and whatever executes a request: the request, its options, the
// answers, and the context and metadata keys that travel with them. It imports
// nothing of ours.
package executor

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

// ErrRetired is returned by an executor that was taken out of service before the
// attempt began: nothing was done, and whoever replaced it can do it.
var ErrRetired = errors.New("executor is retired")

// Request is what a provider is asked to do.
type Request struct {
	// Model is the upstream model name.
	Model string
	// Payload is the request body in Format. It is read-only from the moment
	// the request is executed.
	Payload []byte
	// Format is the wire format of Payload, such as openai-chat.
	Format string
	// Metadata is free for the caller; executors must not write to it.
	Metadata map[string]any
}

// Options say how a request is to be executed.
type Options struct {
	Stream bool
	// Alt is an alternate form of the answer that the client asked for.
	Alt     string
	Headers http.Header
	Query   url.Values
	// OriginalRequest is the inbound body, before any translation.
	OriginalRequest []byte
	// SourceFormat is the wire format of the client.
	SourceFormat string
	// Metadata carries the keys of this package. The manager copies it before
	// it adds one; the caller's map never changes.
	Metadata map[string]any
}

// Metadata keys that the manager reads or sets.
const (
	// RequestedModelKey holds the model name that the client asked for.
	RequestedModelKey = "requested_model"
	// PinnedAuthIDKey restricts selection to one credential.
	PinnedAuthIDKey = "pinned_auth_id"
	// SelectedAuthIDKey is set to the credential that was picked.
	SelectedAuthIDKey = "selected_auth_id"
	// SelectedAuthCallbackKey holds a func(string) called with each pick.
	SelectedAuthCallbackKey = "selected_auth_callback"
	// ExecutionSessionIDKey holds the execution session of a request.
	ExecutionSessionIDKey = "execution_session_id"
)

// CloseAllExecutionSessionsID asks an executor to release all active
// execution sessions. Executors that do not support it may ignore it.
const CloseAllExecutionSessionsID = "__all_execution_sessions__"

// Response is a whole answer.
type Response struct {
	// Payload is the answer's body in the client's format.
	Payload  []byte
	Metadata map[string]any
	// Headers are the upstream's, for passing on; may be nil.
	Headers http.Header
}

// Framing says what the chunks of a stream are.
type Framing uint8

const (
	// FramingPayload: each chunk is one event's payload; whoever writes to the
	// client frames it (data: …). This is what the zero value means.
	FramingPayload Framing = iota
	// FramingWire: chunks are the bytes of the stream as the client is to get
	// them, cut anywhere; the transport framing is already in them.
	FramingWire
)

// StreamChunk is one piece of a stream, or the error that ends it.
type StreamChunk struct {
	Payload []byte
	// Err is terminal.
	Err error
}

// StreamResult is a stream as a channel.
type StreamResult struct {
	// Headers of the upstream, captured before the first chunk.
	Headers http.Header
	Chunks  <-chan StreamChunk
	// Framing of the chunks; the zero value is one payload a chunk.
	Framing Framing
}

// Stream is a stream that is pulled by the goroutine of the request. It is not
// safe for concurrent use, except that Close may be called at any time, by
// anyone, more than once; it unblocks Next.
type Stream interface {
	// Headers of the upstream; may be nil.
	Headers() http.Header
	// Framing of what Next returns.
	Framing() Framing
	// Next returns the next piece, which is valid until the following call. It
	// returns io.EOF after the last. Any other error is terminal.
	Next() ([]byte, error)
	// Close releases everything that the stream holds and waits for it.
	Close() error
}

// StatusError is an error with an HTTP status.
type StatusError interface {
	error
	StatusCode() int
}

// RetryAfterError is an error that knows when to try again; nil means that it
// does not.
type RetryAfterError interface {
	error
	RetryAfter() *time.Duration
}
