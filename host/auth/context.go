package auth

import "context"

type (
	requestInfoKey struct{}
	skipPersistKey struct{}
	originKey      struct{}
	saverKey       struct{}
)

// Origin says where a new credential comes from, for PostAuthHooks.
type Origin string

// The origins of credentials that PostAuthHooks see. What the configuration
// file declares is the operator's own word and meets no hook.
const (
	// OriginLogin: somebody logged in.
	OriginLogin Origin = "login"
	// OriginAPI: a program that embeds the host registered it.
	OriginAPI Origin = "api"
	// OriginCLI: the operator added it by a command; RequestInfo is empty.
	OriginCLI Origin = "cli"
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

// WithOrigin says where the credential that a PostAuthHook is called with comes
// from. A nil ctx means the background.
func WithOrigin(ctx context.Context, from Origin) context.Context {
	return context.WithValue(orBackground(ctx), originKey{}, from)
}

// OriginOf returns what WithOrigin attached, OriginAPI when nobody did.
func OriginOf(ctx context.Context) Origin {
	if from, ok := orBackground(ctx).Value(originKey{}).(Origin); ok {
		return from
	}
	return OriginAPI
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

// WithRefreshSaver gives a refresh a way to have new tokens saved before it is
// over.
func WithRefreshSaver(ctx context.Context, save func(fresh *Auth) error) context.Context {
	return context.WithValue(orBackground(ctx), saverKey{}, save)
}

// SaveRefreshed saves what a refresh has brought so far, so that a crash in what
// it does next loses nothing. Without a saver in ctx nothing happens: then the
// end of the refresh saves.
func SaveRefreshed(ctx context.Context, fresh *Auth) error {
	if save, ok := orBackground(ctx).Value(saverKey{}).(func(*Auth) error); ok {
		return save(fresh)
	}
	return nil
}

func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
