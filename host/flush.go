package host

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/patchbay-dev/patchbay/host/auth"
)

const (
	// flushTogether is how many credentials are saved in one go.
	flushTogether = 512
	// flushFailures is after how many failures a flush gives up: the rest would
	// fail for the same reason.
	flushFailures = 8
)

// flush saves what is dirty now, many at a time if the store can. What fails
// stays dirty.
func (m *Manager) flush(ctx context.Context) error {
	ids := m.writer.take()
	slices.Sort(ids)
	if batch, ok := m.world.Load().store.(auth.BatchStore); ok {
		var left []string
		for chunk := range slices.Chunk(ids, flushTogether) {
			left = append(left, m.saveTogether(ctx, batch, chunk)...)
		}
		ids = left
	}
	var errs []error
	for i, id := range ids {
		if len(errs) == flushFailures {
			m.writer.add(ids[i:]...)
			errs = append(errs, fmt.Errorf("and %d more were not tried", len(ids)-i))
			break
		}
		if err := m.saveNewest(ctx, id); err != nil {
			m.writer.add(id)
			errs = append(errs, fmt.Errorf("save credential %q: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// saveTogether saves the present records of credentials in one go, and returns
// those that have to be saved one by one: another writer has the turn, which it
// does not wait for while it has others'; they are kept elsewhere; or it failed.
func (m *Manager) saveTogether(ctx context.Context, store auth.BatchStore, ids []string) (left []string) {
	inside := ctx
	var taken []string
	var records []*auth.Auth
	for _, id := range ids {
		next, release, free := m.turns.try(inside, id)
		if !free {
			left = append(left, id)
			continue
		}
		defer release()
		switch a := m.record(id); {
		case a == nil:
		case a.RuntimeOnly():
			left = append(left, id)
		default:
			inside, taken, records = next, append(taken, id), append(records, a.Clone())
		}
		if inside != next {
			release()
		}
	}
	if len(records) == 0 {
		return left
	}
	if err := m.guarded("store", func() error { return store.SaveAll(inside, records) }); err != nil {
		return append(left, taken...)
	}
	return left
}
