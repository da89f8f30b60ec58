package executor

import "context"

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
