package app

import (
	"context"
	"errors"
	"io"

	"github.com/patchbay-dev/patchbay/boltstore"
	"github.com/patchbay-dev/patchbay/host/admin"
)

// CheckStore implements admin.Operations.
func (a *App) CheckStore(ctx context.Context, step func(done, all int)) (admin.StoreCheck, error) {
	c, err := a.store.Check(ctx, step)
	if err != nil {
		return admin.StoreCheck{}, err
	}
	found := admin.StoreCheck{
		Path: c.Path, Generation: c.Generation, Records: c.Records, Keys: c.Keys,
		JournalEntries: c.JournalEntries, JournalBytes: c.JournalBytes, Problems: c.Problems,
	}
	if found.Problems == nil {
		found.Problems = []string{}
	}
	return found, nil
}

// BackupStore implements admin.Operations.
func (a *App) BackupStore(ctx context.Context, w io.Writer) error {
	return a.store.Backup(ctx, func(int64) (io.Writer, error) { return w, nil })
}

// RotateKey implements admin.Operations.
func (a *App) RotateKey(ctx context.Context, step func(done, all int)) (admin.KeyRotation, error) {
	r, err := a.store.RotateKey(ctx, step)
	if errors.Is(err, boltstore.ErrKeyGiven) {
		return admin.KeyRotation{}, conflict("%v", err)
	}
	if err != nil {
		return admin.KeyRotation{}, err
	}
	a.log.Info("the store's key was rotated", "old", r.Old, "new", r.New, "records", r.Records, "resumed", r.Resumed)
	return admin.KeyRotation{Old: r.Old, New: r.New, Resumed: r.Resumed, Records: r.Records, Unreadable: r.Unreadable, OldKeyFile: r.OldKeyFile}, nil
}

// resumeRotation goes on with a rotation of the key that was interrupted.
func (a *App) resumeRotation() {
	if !a.store.Rotating() {
		return
	}
	a.goBackground(func(ctx context.Context) {
		if _, err := a.RotateKey(ctx, nil); err != nil && ctx.Err() == nil {
			a.log.Error("an interrupted rotation of the store's key could not be ended; patchbay store rotate-key tries again", "error", err)
		}
	})
}
