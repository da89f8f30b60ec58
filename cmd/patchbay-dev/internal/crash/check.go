package crash

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/patchbay-dev/patchbay/boltstore"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/testkit/oauth"
)

// verdict is what a look at the store finds.
type verdict struct {
	// good is how many hold a token that the server accepts; unsure hold none, and
	// the store says so.
	good   int
	unsure []string
	// lost are the others, and those of which the store says what is not so.
	lost []string
	// damaged are the records that cannot be read.
	damaged []string
	// revoked need a new login.
	revoked []string
	// open have a refresh that has begun and not ended.
	open []string
}

// judge looks at each of ids.
func judge(ctx context.Context, store *boltstore.Store, server *oauth.Server, ids []string) (v verdict, err error) {
	var corrupt *auth.CorruptError
	all, err := store.List(ctx)
	if err != nil && !errors.As(err, &corrupt) {
		return v, err
	}
	if corrupt != nil {
		v.damaged = corrupt.IDs()
	}
	states, err := store.Refreshes(ctx)
	if err != nil && !errors.As(err, &corrupt) {
		return v, err
	}
	for _, id := range ids {
		if slices.Contains(v.damaged, id) {
			continue
		}
		phase := boltstore.RefreshIdle
		if i := slices.IndexFunc(states, func(r boltstore.RefreshState) bool { return r.ID == id }); i >= 0 {
			phase = states[i].Phase
		}
		if phase == boltstore.RefreshBegun {
			v.open = append(v.open, id)
		}
		i := slices.IndexFunc(all, func(a *auth.Auth) bool { return a.ID == id })
		if i < 0 {
			v.lost = append(v.lost, id+": its record is gone")
			continue
		}
		token := all[i].RefreshToken()
		accepted := server.Accepts(token)
		if server.Revoked(token) {
			v.revoked = append(v.revoked, id)
		}
		switch {
		case accepted && phase == boltstore.RefreshNeedsLogin:
			v.lost = append(v.lost, id+": it is said to need a login, and does not")
		case accepted:
			v.good++
		case phase != boltstore.RefreshIdle:
			v.unsure = append(v.unsure, id)
		default:
			v.lost = append(v.lost, fmt.Sprintf("%s: the server does not accept its token (revoked: %v), and nothing says so", id, server.Revoked(token)))
		}
	}
	return v, nil
}
