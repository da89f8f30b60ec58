package boltstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Records are the sealed records of one bucket: bytes whose meaning is another
// room's. Keys stay readable in the file; values never are. It is safe for
// concurrent use.
type Records struct {
	store  *Store
	bucket string
	err    error
}

// Record is one of them.
type Record struct {
	Key   string
	Value []byte
}

// Records returns the records of a bucket: ClientKeys, Cooldowns or Plugins.
// With another name, every method of the result fails.
func (s *Store) Records(bucket string) *Records {
	r := &Records{store: s, bucket: bucket}
	if bucket == bucketAuths || !slices.Contains(recordBuckets, bucket) {
		r.err = fmt.Errorf("the store has no bucket %q for records", bucket)
	}
	return r
}

// Get returns the value under key and whether there is one. A record that
// cannot be read is a *CorruptError.
func (r *Records) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if r.err != nil {
		return nil, false, r.err
	}
	if err := checkID(key); err != nil {
		return nil, false, r.store.usable() // such a record cannot exist
	}
	var value []byte
	var found bool
	err := r.store.read(ctx, func(t *txn) error {
		plain, generation, err := t.get(r.bucket, key)
		if err != nil {
			return addCorrupt(nil, r.store.path, r.bucket, key, err)
		}
		value, found = plain, generation > 0
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("get %s %q: %w", r.bucket, key, err)
	}
	return value, found, nil
}

// Put replaces the value under key. When it returns without an error, the value
// is on disk, fsynced. value is not kept.
func (r *Records) Put(ctx context.Context, key string, value []byte) error {
	if r.err != nil {
		return r.err
	}
	if err := r.store.put(ctx, r.bucket, key, value); err != nil {
		return fmt.Errorf("put %s %q: %w", r.bucket, key, err)
	}
	return nil
}

// Delete removes the value under key, durably; an unknown key is not an error.
func (r *Records) Delete(ctx context.Context, key string) error {
	if r.err != nil {
		return r.err
	}
	if err := r.store.remove(ctx, r.bucket, key); err != nil {
		return fmt.Errorf("delete %s %q: %w", r.bucket, key, err)
	}
	return nil
}

// All returns the records by ascending key, of one moment. As with Store.List,
// a *CorruptError comes together with the good ones.
func (r *Records) All(ctx context.Context) ([]Record, error) {
	if r.err != nil {
		return nil, r.err
	}
	records, err := r.store.all(ctx, r.bucket)
	if err != nil {
		return records, fmt.Errorf("list %s: %w", r.bucket, err)
	}
	return records, nil
}

// addCorrupt adds a bad record to e, which may be nil, in order.
func addCorrupt(e *CorruptError, path, bucket, id string, cause error) *CorruptError {
	if e == nil {
		e = &CorruptError{Store: path, Bucket: bucket}
	}
	at, _ := slices.BinarySearchFunc(e.Records, id, func(r auth.CorruptRecord, id string) int {
		return strings.Compare(r.ID, id)
	})
	e.Records = slices.Insert(e.Records, at, auth.CorruptRecord{ID: id, Reason: cause.Error()})
	return e
}

var errUnreadable = errors.New("it opens, but this version cannot read it")
