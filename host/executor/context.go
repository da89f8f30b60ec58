package executor

import (
	"context"
	"net/http"
)

type downstreamWebsocketKey struct{}

// WithDownstreamWebsocket marks ctx as serving a client on a websocket.
func WithDownstreamWebsocket(ctx context.Context) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	return context.WithValue(ctx, downstreamWebsocketKey{}, true)
}

// DownstreamWebsocket reports whether ctx serves a client on a websocket.
func DownstreamWebsocket(ctx context.Context) bool {
	if ctx == nil {
		return false
	}
	v, _ := ctx.Value(downstreamWebsocketKey{}).(bool)
	return v
}

type refreshForAttemptKey struct{}

// WithRefreshForAttempt says that a refresh runs since a request was refused.
func WithRefreshForAttempt(ctx context.Context) context.Context {
	return context.WithValue(ctx, refreshForAttemptKey{}, true)
}

// RefreshForAttempt reports whether a refresh runs since a request was refused.
func RefreshForAttempt(ctx context.Context) bool {
	v, _ := ctx.Value(refreshForAttemptKey{}).(bool)
	return v
}

type roundTripperKey struct{}

// WithRoundTripper gives ctx the transport of the credential that is in use.
func WithRoundTripper(ctx context.Context, rt http.RoundTripper) context.Context {
	return context.WithValue(ctx, roundTripperKey{}, rt)
}

// RoundTripper returns the transport of the credential in use, nil when it has
// none of its own.
func RoundTripper(ctx context.Context) http.RoundTripper {
	rt, _ := ctx.Value(roundTripperKey{}).(http.RoundTripper)
	return rt
}
