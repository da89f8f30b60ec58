package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"
)

// compactAfter is how much a journal grows, in bytes, beyond twice the content
// that it began with, before it is written anew.
const compactAfter = 4 << 20

// joinJournal opens the journal and makes file and journal the same: the one of
// the higher generation is right. anew says that the store begins here, migrated that
// it never had a journal. It runs before anybody else has the store.
func (s *Store) joinJournal(anew, migrated bool) error {
	path := journalPath(s.path)
	s.journal = &journal{path: path, store: s.id}
	if err := sweep(path); err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	if anew {
		return s.compact()
	}
	was, err := s.generation()
	if err != nil {
		return err
	}
	found, err := s.scanFile(nil)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if !migrated {
			s.tell("the journal %s was missing; it was made anew", path)
		}
		return s.compact()
	case errors.Is(err, errNoJournal):
		to, err := aside(path, "damaged")
		if err != nil {
			return fmt.Errorf("set the journal aside: %w", err)
		}
		s.tell("the journal could not be read, so it was made anew; the old one is %s", to)
		return s.compact()
	case err != nil:
		return err
	}
	if found.head > was {
		if err := s.bringForward(was); err != nil {
			return err
		}
		s.tell("the store was at generation %d and its journal at %d: what was missing was taken from the journal", was, found.head)
	}
	if found.head < was {
		s.tell("the journal was at generation %d and the store at %d: it was made anew", found.head, was)
		return s.compact()
	}
	f, err := openJournalFile(path, s.seams)
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	s.journal.f, s.journal.head, s.journal.size, s.journal.base = f, found.head, found.end, found.base
	if s.journal.torn = found.rest > 0; s.journal.torn {
		if err := f.Truncate(found.end); err == nil {
			s.journal.torn = false
		}
	}
	return nil
}

// scanFile reads the journal's file.
func (s *Store) scanFile(visit func(h header, sealed []byte) error) (scanned, error) {
	return scanPath(s.journal.path, s.id, visit)
}

func scanPath(path, store string, visit func(h header, sealed []byte) error) (scanned, error) {
	f, err := os.Open(path)
	if err != nil {
		return scanned{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return scanned{}, err
	}
	if !info.Mode().IsRegular() {
		return scanned{}, fail(ErrDamaged, path, "it is not a regular file; move it away")
	}
	if exposed(info.Mode()) {
		return scanned{}, fail(ErrExposed, path, "its mode is %#o; run: chmod 600 %s", info.Mode().Perm(), path)
	}
	found, err := scanJournal(f, info.Size(), path, store, visit)
	if err == nil && found.entries == 0 {
		err = errNoJournal // it never began
	}
	return found, err
}

// bringForward makes what the journal has beyond a generation in the file, in
// one transaction.
func (s *Store) bringForward(from uint64) error {
	damaged := func(why error) error {
		return fail(ErrDamaged, s.journal.path, "the store went back and the journal cannot bring it forward (%v); %s", why, hintRestore)
	}
	return s.writeRaw(func(tx *bbolt.Tx) error {
		t := &txn{tx: tx, seal: s.seal.Load(), head: head{Store: s.id, Generation: from}}
		missing := uint32(0)
		_, err := s.scanFile(func(h header, sealed []byte) error {
			if h.generation <= from {
				return nil
			}
			e, err := openEntry(t.seal, s.id, sealed)
			if err != nil {
				return damaged(err)
			}
			switch e.kind {
			case entryWhole:
				missing = e.more
				if err := emptyRecords(tx); err != nil {
					return err
				}
			case entryMore:
				missing--
			}
			for _, o := range e.ops {
				if err := t.apply(o); err != nil {
					return damaged(err)
				}
			}
			t.ops = nil
			t.head = head{Store: s.id, Generation: h.generation}
			return nil
		})
		switch {
		case err != nil:
			return err
		case missing != 0:
			return damaged(errors.New("its first part is not whole"))
		}
		return writeHead(tx, t.seal, t.head)
	})
}

// openEntry opens a sealed entry.
func openEntry(seal *sealer, store string, sealed []byte) (entry, error) {
	plain, _, err := seal.open(bucketJournal, store, sealed)
	if err != nil {
		return entry{}, err
	}
	return decodeEntry(plain)
}

// emptyRecords takes out every record.
func emptyRecords(tx *bbolt.Tx) error {
	meta := tx.Bucket([]byte(bucketMeta))
	for _, name := range recordBuckets {
		if err := tx.DeleteBucket([]byte(name)); err != nil {
			return err
		}
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	if err := meta.DeleteBucket([]byte(metaGenerations)); err != nil {
		return err
	}
	_, err := meta.CreateBucket([]byte(metaGenerations))
	return err
}

// generation is the last one that the file has.
func (s *Store) generation() (g uint64, err error) {
	err = s.readRaw(func(tx *bbolt.Tx) error {
		h, err := readHead(tx, s.seal.Load())
		if err != nil {
			return fail(ErrDamaged, s.path, "its head record does not open; %s", hintRestore)
		}
		g = h.Generation
		return nil
	})
	return g, err
}

// compact writes the journal anew, with what the file holds. The caller has the
// turn, or nobody else has the store yet.
func (s *Store) compact() error {
	next := &journal{path: s.journal.path, store: s.id}
	err := s.readRaw(func(tx *bbolt.Tx) error {
		h, err := readHead(tx, s.seal.Load())
		if err != nil {
			return fail(ErrDamaged, s.path, "its head record does not open; %s", hintRestore)
		}
		next.head = h.Generation
		next.size, err = writeJournal(next.path, s.id, s.seal.Load(), h.Generation, func(put func(op) error) error {
			return eachRecord(tx, put)
		})
		next.base = next.size
		return err
	})
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if next.f, err = openJournalFile(next.path, s.seams); err != nil {
		return fmt.Errorf("open the journal: %w: %w", errReplaced, err)
	}
	if s.journal.f != nil {
		if err := s.journal.f.Close(); err != nil {
			s.tell("close the old journal: %v", err)
		}
	}
	s.journal = next
	return nil
}

// eachRecord gives every record as it lies in the file, sealed. A record without
// a generation, or the other way round, is damage that stays where it is.
func eachRecord(tx *bbolt.Tx, put func(op) error) error {
	witnesses := tx.Bucket([]byte(bucketMeta)).Bucket([]byte(metaGenerations))
	for _, name := range recordBuckets {
		err := tx.Bucket([]byte(name)).ForEach(func(k, v []byte) error {
			h, err := parseHeader(v)
			if err != nil || string(witnesses.Get(witness(name, string(k)))) != string(generationBytes(h.generation)) {
				return nil
			}
			return put(op{bucket: name, id: string(k), generation: h.generation, sealed: v})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// compactIfLong writes the journal anew when it has become long. That this does
// not work, for want of room perhaps, is no harm: it is tried again later.
func (s *Store) compactIfLong() {
	j := s.journal
	if j.size < 2*j.base+compactAfter || len(s.late) > 0 {
		return
	}
	if err := s.compactNow(); err != nil {
		j.base = j.size / 2
		s.tell("the journal could not be made shorter; that is tried again: %v", err)
	}
}

// compactNow is compact in a store that is in use.
func (s *Store) compactNow() error {
	err := s.compact()
	if errors.Is(err, errReplaced) { // what is open is not what a restart reads
		return s.freeze(err)
	}
	return err
}
