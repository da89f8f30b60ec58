package boltstore

import (
	"context"
	"fmt"
)

// Checked is what Check found.
type Checked struct {
	// Path and Store say which store it is.
	Path, Store string
	// Generation is the last that was given out.
	Generation uint64
	// Records counts by bucket what is whole.
	Records map[string]int
	// Keys counts the records that each key seals, by the key's id.
	Keys map[string]int
	// JournalEntries and JournalBytes are the size of the journal.
	JournalEntries int
	JournalBytes   int64
	// Problems are what is wrong, one line each, and hold no value of a record.
	Problems []string
}

// Check reads everything: the structure of the file, the seal and the generation
// of each record, and the journal. step, which may be nil, is told how many of all
// records were read. What is wrong stands in Problems; an error means that it
// could not be finished.
func (s *Store) Check(ctx context.Context, step func(done, all int)) (Checked, error) {
	c := Checked{Path: s.path, Store: s.id, Records: map[string]int{}, Keys: map[string]int{}}
	err := s.read(ctx, func(t *txn) error { return c.records(ctx, t, step) })
	if err != nil {
		return c, fmt.Errorf("check the store: %w", err)
	}
	// Nobody writes while the journal is read.
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return c, ctx.Err()
	}
	return c, s.checkJournal(ctx, &c)
}

func (c *Checked) problem(format string, args ...any) {
	c.Problems = append(c.Problems, fmt.Sprintf(format, args...))
}

// records checks the file within one transaction.
func (c *Checked) records(ctx context.Context, t *txn, step func(done, all int)) error {
	for err := range t.tx.Check() {
		c.problem("structure: %v", err)
	}
	h, err := readHead(t.tx, t.seal)
	if err != nil {
		c.problem("the head record does not open")
	}
	c.Generation = h.Generation
	ids := map[string][]string{}
	all, done := 0, 0
	for _, bucket := range recordBuckets {
		ids[bucket] = t.ids(bucket)
		all += len(ids[bucket])
	}
	for _, bucket := range recordBuckets {
		for _, id := range ids[bucket] {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.record(t, bucket, id); err != nil {
				c.problem("%s %q: %v", bucket, id, err)
			}
			if done++; step != nil {
				step(done, all)
			}
		}
	}
	return nil
}

func (c *Checked) record(t *txn, bucket, id string) error {
	plain, generation, err := t.get(bucket, id)
	switch {
	case err != nil:
		return err
	case generation > c.Generation:
		return errNewer
	}
	switch bucket {
	case bucketAuths:
		_, err = decodeAuth(id, plain)
	case bucketRefreshes:
		_, err = t.refreshOf(id)
	}
	if err != nil {
		return err
	}
	h, err := parseHeader(t.tx.Bucket([]byte(bucket)).Get([]byte(id)))
	if err != nil {
		return err
	}
	c.Records[bucket]++
	c.Keys[keyName(h.keyID)]++
	return nil
}

// checkJournal opens every entry. The caller has the turn.
func (s *Store) checkJournal(ctx context.Context, c *Checked) error {
	last := uint64(0)
	found, err := s.scanFile(func(h header, sealed []byte) error {
		if _, err := openEntry(s.seal.Load(), s.id, sealed); err != nil {
			c.problem("journal, entry of generation %d: %v", h.generation, err)
		}
		if h.generation < last {
			c.problem("journal: generation %d after %d", h.generation, last)
		}
		last = h.generation
		return ctx.Err()
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		c.problem("journal: %v", err)
		return nil
	}
	c.JournalEntries, c.JournalBytes = found.entries, found.end
	if found.rest > 0 && !s.journal.torn {
		c.problem("journal: %d bytes at its end are no entry", found.rest)
	}
	now, err := s.generation()
	if err != nil {
		return err
	}
	if found.head != now && len(s.late) == 0 {
		c.problem("journal: it is at generation %d and the store at %d", found.head, now)
	}
	return nil
}
