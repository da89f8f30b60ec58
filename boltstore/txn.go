package boltstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// maxID bounds the id of a record, in bytes.
const maxID = 4096

var (
	errOlder    = errors.New("it is an older state of this record than was last written")
	errNewer    = errors.New("it is not the state that was last written")
	errMissing  = errors.New("it was written and is gone")
	errReturned = errors.New("it was deleted, or never written here")
)

// txn is one transaction over sealed records. All that belongs together is
// written in one.
type txn struct {
	tx   *bbolt.Tx
	seal *sealer
	// head is renewed at the end if there are ops.
	head head
	// ops are the changes, for the journal.
	ops []op
	// renew writes the head anew though nothing changed.
	renew bool
}

// read runs fn in a read transaction.
func (s *Store) read(ctx context.Context, fn func(*txn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.readRaw(func(tx *bbolt.Tx) error { return fn(&txn{tx: tx, seal: s.seal.Load()}) })
}

// put seals plain as the next generation of the record and returns that
// generation.
func (t *txn) put(bucket, id string, plain []byte) (uint64, error) {
	t.head.Generation++
	generation := t.head.Generation
	sealed, err := t.seal.seal(bucket, id, generation, plain)
	if err != nil {
		return 0, err
	}
	return generation, t.apply(op{bucket: bucket, id: id, generation: generation, sealed: sealed})
}

// remove deletes the record; an unknown one is not an error.
func (t *txn) remove(bucket, id string) error {
	t.head.Generation++
	return t.apply(op{bucket: bucket, id: id})
}

// apply makes a change and notes it.
func (t *txn) apply(o op) error {
	b := t.tx.Bucket([]byte(o.bucket))
	if b == nil {
		return fmt.Errorf("there is no bucket %q", o.bucket)
	}
	t.ops = append(t.ops, o)
	if o.generation == 0 {
		if err := b.Delete([]byte(o.id)); err != nil {
			return err
		}
		return t.witnesses().Delete(witness(o.bucket, o.id))
	}
	if err := b.Put([]byte(o.id), o.sealed); err != nil {
		return err
	}
	return t.witnesses().Put(witness(o.bucket, o.id), generationBytes(o.generation))
}

// has reports whether there is something under the id, readable or not.
func (t *txn) has(bucket, id string) bool {
	return t.tx.Bucket([]byte(bucket)).Get([]byte(id)) != nil || t.witnesses().Get(witness(bucket, id)) != nil
}

// get returns the record and its generation; generation 0 means there is none.
// An error says why the record is corrupt.
func (t *txn) get(bucket, id string) ([]byte, uint64, error) {
	raw := t.tx.Bucket([]byte(bucket)).Get([]byte(id))
	return t.check(bucket, id, raw, t.witnesses().Get(witness(bucket, id)))
}

// check opens a record and compares it with its witness.
func (t *txn) check(bucket, id string, raw, last []byte) ([]byte, uint64, error) {
	switch {
	case raw == nil && last == nil:
		return nil, 0, nil
	case raw == nil:
		return nil, 0, errMissing
	case last == nil:
		return nil, 0, errReturned
	case len(last) != 8:
		return nil, 0, errNewer
	}
	plain, h, err := t.seal.open(bucket, id, raw)
	if err != nil {
		return nil, 0, err
	}
	switch want := binary.BigEndian.Uint64(last); {
	case h.generation < want:
		return nil, 0, errOlder
	case h.generation > want:
		return nil, 0, errNewer
	}
	return plain, h.generation, nil
}

func (t *txn) witnesses() *bbolt.Bucket {
	return t.tx.Bucket([]byte(bucketMeta)).Bucket([]byte(metaGenerations))
}

// ids returns every id of the bucket that has a record or a witness, ascending.
func (t *txn) ids(bucket string) ([]string, error) {
	var ids []string
	b := t.tx.Bucket([]byte(bucket))
	if b == nil {
		return nil, nil // of an older schema
	}
	err := b.ForEach(func(k, _ []byte) error {
		ids = append(ids, string(k))
		return nil
	})
	if err != nil {
		return nil, err
	}
	prefix := string(witness(bucket, ""))
	c := t.witnesses().Cursor()
	for k, _ := c.Seek([]byte(prefix)); strings.HasPrefix(string(k), prefix); k, _ = c.Next() {
		ids = append(ids, strings.TrimPrefix(string(k), prefix))
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func (s *Store) put(ctx context.Context, bucket, id string, plain []byte) error {
	if err := checkID(id); err != nil {
		return err
	}
	return s.write(ctx, opOther, func(t *txn) error {
		_, err := t.put(bucket, id, plain)
		return err
	})
}

func (s *Store) remove(ctx context.Context, bucket, id string) error {
	if checkID(id) != nil {
		return s.usable() // such a record cannot exist
	}
	return s.write(ctx, opOther, func(t *txn) error {
		if bucket == bucketAuths && t.has(bucketRefreshes, id) {
			if err := t.remove(bucketRefreshes, id); err != nil {
				return err
			}
		}
		return t.remove(bucket, id)
	})
}

// all returns the good records of a bucket by ascending id, with a
// *CorruptError when there are bad ones.
func (s *Store) all(ctx context.Context, bucket string) ([]Record, error) {
	var good []Record
	var corrupt *CorruptError
	err := s.read(ctx, func(t *txn) error {
		ids, err := t.ids(bucket)
		if err != nil {
			return err
		}
		for _, id := range ids {
			plain, _, err := t.get(bucket, id)
			if err != nil {
				corrupt = addCorrupt(corrupt, s.path, bucket, id, err)
				continue
			}
			good = append(good, Record{Key: id, Value: plain})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if corrupt != nil {
		return good, corrupt
	}
	return good, nil
}

func checkID(id string) error {
	if id == "" {
		return errors.New("its id is empty")
	}
	if len(id) > maxID {
		return fmt.Errorf("its id has %d bytes; at most %d are allowed", len(id), maxID)
	}
	return nil
}
