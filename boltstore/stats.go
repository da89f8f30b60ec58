package boltstore

import (
	"sync/atomic"
	"time"
)

// Stats is what a store has written since it was opened.
type Stats struct {
	// Writes are write transactions, Failed those of them that changed nothing
	// because of an error.
	Writes, Failed uint64
	// Waited is how long they waited for their turn in all, Took how long they
	// then took, with the fsync.
	Waited, Took time.Duration
}

type counters struct {
	writes, failed atomic.Uint64
	waited, took   atomic.Int64 // nanoseconds
}

// Stats returns the numbers, read one after another.
func (s *Store) Stats() Stats {
	return Stats{
		Writes: s.stats.writes.Load(), Failed: s.stats.failed.Load(),
		Waited: time.Duration(s.stats.waited.Load()), Took: time.Duration(s.stats.took.Load()),
	}
}

// count notes a write that was asked for at asked, began at began, and is over.
func (c *counters) count(asked, began time.Time, err error) {
	c.writes.Add(1)
	if err != nil {
		c.failed.Add(1)
	}
	c.waited.Add(int64(began.Sub(asked)))
	c.took.Add(int64(time.Since(began)))
}
