package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/gateway"
)

// maxKeyName is the longest name of a client key, in bytes.
const maxKeyName = 128

// CreateKey makes a client key and stores its hash. The key itself is in the
// answer and nowhere else.
func (a *App) CreateKey(ctx context.Context, name string) (admin.CreatedKey, error) {
	switch {
	case strings.TrimSpace(name) == "":
		return admin.CreatedKey{}, invalid("a client key needs a name: key create --name NAME")
	case len(name) > maxKeyName, strings.ContainsFunc(name, unicode.IsControl):
		return admin.CreatedKey{}, invalid("the name of a client key has at most %d bytes and no control characters", maxKeyName)
	}
	a.keying.Lock()
	defer a.keying.Unlock()
	plain, key := gateway.NewKey(name, rand.Reader, time.Now().UTC())
	raw, err := json.Marshal(key)
	if err != nil {
		return admin.CreatedKey{}, err
	}
	if err := a.store.Records(bucketKeys).Put(ctx, key.ID, raw); err != nil {
		return admin.CreatedKey{}, fmt.Errorf("store the client key: %w", err)
	}
	if err := a.loadKeys(ctx); err != nil {
		return admin.CreatedKey{}, err
	}
	return admin.CreatedKey{ID: key.ID, Name: key.Name, Key: plain}, nil
}

// ListKeys returns the client keys by id.
func (a *App) ListKeys(context.Context) ([]admin.KeyView, error) {
	views := []admin.KeyView{}
	for _, k := range a.keys.Keys() {
		views = append(views, admin.KeyView{ID: k.ID, Name: k.Name, CreatedAt: k.CreatedAt})
	}
	return views, nil
}

// RevokeKey deletes a client key. It is worthless from now on, and stays so:
// its hash is gone.
func (a *App) RevokeKey(ctx context.Context, id string) error {
	a.keying.Lock()
	defer a.keying.Unlock()
	records := a.store.Records(bucketKeys)
	_, ok, err := records.Get(ctx, id)
	switch {
	case err != nil:
		return fmt.Errorf("read client key %s: %w", id, err)
	case !ok:
		return notFound("no client key %q: patchbay key list shows which there are", id)
	}
	if err := records.Delete(ctx, id); err != nil {
		return fmt.Errorf("delete client key %s: %w", id, err)
	}
	return a.loadKeys(ctx)
}

// EnsureKey makes a first client key when there is none, and returns it; the
// zero value when there is one already.
func (a *App) EnsureKey(ctx context.Context) (admin.CreatedKey, error) {
	if a.keys.Len() > 0 {
		return admin.CreatedKey{}, nil
	}
	return a.CreateKey(ctx, "first")
}

// loadKeys reads all client keys into the ring. One that could never have been
// made here, or that stands there twice, is an error: somebody else wrote it.
func (a *App) loadKeys(ctx context.Context) error {
	records, err := a.store.Records(bucketKeys).All(ctx)
	if err := a.tolerate(err); err != nil {
		return fmt.Errorf("read the client keys: %w", err)
	}
	keys := make([]gateway.Key, 0, len(records))
	seen := make(map[gateway.Hash]string, len(records))
	for _, r := range records {
		k, err := gateway.ParseKey(r.Value)
		if err != nil {
			return fmt.Errorf("client key %s in the store: %w; somebody else wrote it: restore the store from a backup", r.Key, err)
		}
		if k.ID != r.Key {
			return fmt.Errorf("client key %s in the store says that it is %s; somebody else wrote it: restore the store from a backup", r.Key, k.ID)
		}
		if other, twice := seen[k.Hash]; twice {
			return fmt.Errorf("client keys %s and %s in the store are the same key; somebody else wrote one of them: restore the store from a backup", other, k.ID)
		}
		seen[k.Hash] = k.ID
		keys = append(keys, k)
	}
	a.keys.Replace(keys)
	return nil
}
