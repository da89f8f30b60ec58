package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/gateway"
)

// CreateKey makes a client key and stores its hash. The key itself is in the
// answer and nowhere else.
func (a *App) CreateKey(ctx context.Context, name string) (admin.CreatedKey, error) {
	if name == "" {
		return admin.CreatedKey{}, invalid("a client key needs a name: key create --name NAME")
	}
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

// EnsureKey makes a first client key when there is none, and returns it; the
// zero value when there is one already.
func (a *App) EnsureKey(ctx context.Context) (admin.CreatedKey, error) {
	if a.keys.Len() > 0 {
		return admin.CreatedKey{}, nil
	}
	return a.CreateKey(ctx, "first")
}

// loadKeys reads all client keys into the ring.
func (a *App) loadKeys(ctx context.Context) error {
	records, err := a.store.Records(bucketKeys).All(ctx)
	if err != nil {
		return fmt.Errorf("read the client keys: %w", err)
	}
	keys := make([]gateway.Key, 0, len(records))
	for _, r := range records {
		var k gateway.Key
		if err := json.Unmarshal(r.Value, &k); err != nil {
			return fmt.Errorf("client key %s in the store is not readable: %w", r.Key, err)
		}
		keys = append(keys, k)
	}
	a.keys.Replace(keys)
	return nil
}
