package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

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

// found is what stands under an id: a sealed value and the witness of it, either
// of which may be missing. Both are valid within the transaction.
type found struct {
	id        string
	raw, last []byte
}

// each returns what stands in a bucket, by ascending id.
func (t *txn) each(bucket string) []found {
	b := t.tx.Bucket([]byte(bucket))
	if b == nil {
		return nil // of an older schema
	}
	prefix := witness(bucket, "")
	values, witnesses := b.Cursor(), t.witnesses().Cursor()
	k, raw := values.First()
	w, last := witnesses.Seek(prefix)
	var all []found
	for {
		id, ours := bytes.CutPrefix(w, prefix)
		if w == nil || !ours {
			id, ours = nil, false
		}
		order := 0
		switch {
		case k == nil && !ours:
			return all
		case k == nil:
			order = 1
		case !ours:
			order = -1
		default:
			order = bytes.Compare(k, id)
		}
		f := found{id: string(id), last: last}
		if order <= 0 {
			f.id, f.raw = string(k), raw
			k, raw = values.Next()
		}
		if order < 0 {
			f.last = nil
		} else {
			w, last = witnesses.Next()
		}
		all = append(all, f)
	}
}

// ids returns every id of the bucket that has a record or a witness, ascending.
func (t *txn) ids(bucket string) []string {
	all := t.each(bucket)
	ids := make([]string, len(all))
	for i, f := range all {
		ids[i] = f.id
	}
	return ids
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
	return allOf(ctx, s, bucket, func(id string, plain []byte) (Record, error) { return Record{Key: id, Value: plain}, nil })
}

// allOf returns what decode makes of each record of a bucket, as all does. It is
// called on all processors.
func allOf[T any](ctx context.Context, s *Store, bucket string, decode func(id string, plain []byte) (T, error)) ([]T, error) {
	var good []T
	var corrupt *CorruptError
	err := s.read(ctx, func(t *txn) error {
		all := t.each(bucket)
		values, errs := make([]T, len(all)), make([]error, len(all))
		eachAtOnce(len(all), func(i int) {
			plain, _, err := t.check(bucket, all[i].id, all[i].raw, all[i].last)
			if err == nil {
				values[i], err = decode(all[i].id, plain)
			}
			errs[i] = err
		})
		good, corrupt = make([]T, 0, len(all)), nil
		for i, f := range all {
			if errs[i] != nil {
				corrupt = addCorrupt(corrupt, s.path, bucket, f.id, errs[i])
				continue
			}
			good = append(good, values[i])
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

// chunkAtOnce is how many records a worker of eachAtOnce takes at a time.
const chunkAtOnce = 1000

// eachAtOnce calls do for 0 to n-1, on all processors if n is large. A page that
// is damaged may panic in any of them: it panics here.
func eachAtOnce(n int, do func(i int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	var broken atomic.Pointer[any]
	work := func() {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		defer func() {
			if cause := recover(); cause != nil {
				broken.CompareAndSwap(nil, &cause)
			}
		}()
		for {
			to := int(next.Add(chunkAtOnce))
			for i := to - chunkAtOnce; i < min(to, n); i++ {
				do(i)
			}
			if to >= n {
				return
			}
		}
	}
	for range min(runtime.GOMAXPROCS(0), (n+chunkAtOnce-1)/chunkAtOnce) {
		workers.Go(work)
	}
	workers.Wait()
	if cause := broken.Load(); cause != nil {
		panic(*cause)
	}
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
