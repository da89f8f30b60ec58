package boltstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/bbolt"
)

// content is what a store holds, as far as a restore has to know.
type content struct {
	store      string
	generation uint64
	// foreign: it is sealed with a key that is not at hand.
	foreign bool
	records map[string]int
	// given are the generations of the records, by bucket and id.
	given map[string]map[string]uint64
	// refreshed is how often each credential was refreshed.
	refreshed map[string]uint64
}

// contentOf reads it; what is damaged counts as being there.
func contentOf(t *txn) (content, error) {
	c := content{records: map[string]int{}, given: map[string]map[string]uint64{}, refreshed: map[string]uint64{}}
	h, err := readHead(t.tx, t.seal)
	if err != nil {
		return c, err
	}
	c.store, c.generation = h.Store, h.Generation
	for _, bucket := range recordBuckets {
		b := t.tx.Bucket([]byte(bucket))
		if b == nil {
			continue // of an older schema
		}
		c.given[bucket] = map[string]uint64{}
		err := b.ForEach(func(k, v []byte) error {
			h, err := parseHeader(v)
			if err == nil {
				c.given[bucket][string(k)] = h.generation
				c.records[bucket]++
			}
			return nil
		})
		if err != nil {
			return c, err
		}
	}
	for id := range c.given[bucketRefreshes] {
		if r, err := t.refreshOf(id); err == nil {
			c.refreshed[id] = r.Generation
		}
	}
	return c, nil
}

// readContent reads and checks a file that is to become the store; shown is its
// name in errors.
func readContent(ctx context.Context, path string, seal *sealer, shown string) (c content, err error) {
	s, err := openFile(Options{Path: path, Timeout: defaultTimeout}, false)
	if err != nil {
		return c, fail(ErrDamaged, shown, "it cannot be read as a store")
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.path = shown
	err = s.readRaw(func(tx *bbolt.Tx) error {
		found, err := readLayout(tx, shown)
		switch {
		case err != nil:
			return err
		case found.empty:
			return fail(ErrDamaged, shown, "it holds nothing")
		case !seal.keys[found.head.keyID]:
			return fail(ErrWrongKey, shown, "it is sealed with key %s, and the key is %s; if it is from before the key was rotated, the old key file is beside the present one, with .old-%s in its name", keyName(found.head.keyID), keyName(seal.primary), keyName(found.head.keyID))
		}
		t := &txn{tx: tx, seal: seal}
		checked := Checked{Records: map[string]int{}, Keys: map[string]int{}}
		if err := checked.records(ctx, t, nil); err != nil {
			return err
		}
		if len(checked.Problems) > 0 {
			return fail(ErrDamaged, shown, "%s", checked.Problems[0])
		}
		c, err = contentOf(t)
		if err != nil {
			return fail(ErrDamaged, shown, "its head record does not open")
		}
		return nil
	})
	return c, err
}

// bucketTitles are what a person calls the records of a bucket.
var bucketTitles = map[string]string{bucketAuths: "credential", ClientKeys: "client key", Plugins: "plugin"}

// lostBy says what a store would lose if next took its place.
func (now content) lostBy(next content) []string {
	var lost []string
	if now.foreign {
		return []string{"the store that is here cannot be read with this key: all of it is replaced"}
	}
	if now.store != next.store {
		lost = append(lost, "the backup is of another store: all that is here is replaced")
	}
	for _, bucket := range []string{bucketAuths, ClientKeys, Plugins} {
		title := bucketTitles[bucket]
		for _, id := range slices.Sorted(maps.Keys(now.given[bucket])) {
			was, there := next.given[bucket][id]
			switch n := now.refreshed[id] - min(now.refreshed[id], next.refreshed[id]); {
			case !there:
				lost = append(lost, fmt.Sprintf("%s %s is gone", title, id))
			case bucket == bucketAuths && n > 0:
				lost = append(lost, fmt.Sprintf("%s %s was refreshed %d times since: the refresh token in the backup is probably used up, and needs a new login", title, id, n))
			case now.given[bucket][id] > was:
				lost = append(lost, fmt.Sprintf("%s %s was changed since", title, id))
			}
		}
		for _, id := range slices.Sorted(maps.Keys(next.given[bucket])) {
			if _, there := now.given[bucket][id]; !there && now.store == next.store && next.generation < now.generation {
				lost = append(lost, fmt.Sprintf("%s %s, which was removed since, comes back", title, id))
			}
		}
	}
	return lost
}
