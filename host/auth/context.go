package auth

import "context"

type (
	requestInfoKey struct{}
	skipPersistKey struct{}
)

// WithRequestInfo attaches info for PostAuthHooks. A nil ctx means the
// background.
func WithRequestInfo(ctx context.Context, info *RequestInfo) context.Context {
	return context.WithValue(orBackground(ctx), requestInfoKey{}, info)
}

// GetRequestInfo returns what WithRequestInfo attached, or nil.
func GetRequestInfo(ctx context.Context) *RequestInfo {
	info, _ := orBackground(ctx).Value(requestInfoKey{}).(*RequestInfo)
	return info
}

// WithSkipPersist keeps Register, Update and MarkResult from saving, for code
// that reacts to a change of what the store already holds. It must not reach a
// refresh: new tokens are always saved. A nil ctx means the background.
func WithSkipPersist(ctx context.Context) context.Context {
	return context.WithValue(orBackground(ctx), skipPersistKey{}, true)
}

// SkipPersist reports whether ctx comes from WithSkipPersist.
func SkipPersist(ctx context.Context) bool {
	skip, _ := orBackground(ctx).Value(skipPersistKey{}).(bool)
	return skip
}

func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
