package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// ErrGoesBack means that a restore would lose what the store holds.
var ErrGoesBack = errors.New("the backup is older than the store")

// RestoreOptions say what to restore.
type RestoreOptions struct {
	// Options say where the store is to be, and its key.
	Options
	// From is the backup; empty means the store's own journal.
	From string
	// Force restores though something is lost.
	Force bool
}

// Restored is what Restore did, or, with ErrGoesBack, what it would do.
type Restored struct {
	// Generation is that of what was restored, Was that of what was there; 0 when
	// nothing was, or it could not be read.
	Generation, Was uint64
	// Records counts what was restored, by bucket.
	Records map[string]int
	// Lost are what is lost by it, one line each.
	Lost []string
	// Aside are the files that were there before, under their new names.
	Aside []string
}

// Restore puts a backup, or what the journal holds, in the place of the store.
// No server may run. Everything in the backup is read and checked first, and what
// was there is moved aside, not deleted. When the store that is there is newer, or
// holds what the backup does not, it fails with ErrGoesBack and says what would be
// lost, unless Force. Generations go on from the higher of the two, and a
// credential that was refreshed since the backup is marked as one whose token may
// be used up.
func Restore(ctx context.Context, o RestoreOptions) (r Restored, err error) {
	o.KeyFile = keyFileOf(o.Options)
	seal, err := keyPlace{file: o.KeyFile, given: o.Key}.read()
	if errors.Is(err, fs.ErrNotExist) {
		return r, fail(ErrWrongKey, o.Path, "the key file %s is missing; put the one there that the backup was made with", o.KeyFile)
	}
	if err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o700); err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	if err := sweep(o.Path); err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	now, held, err := present(ctx, o, seal)
	if err != nil {
		return r, err
	}
	if held != nil {
		defer func() { err = errors.Join(err, held.Close()) }()
	}
	temp := o.Path + newSuffix + "restore"
	defer os.Remove(temp)
	if o.From == "" {
		err = fromJournal(o.Path, temp, seal)
	} else {
		err = fromBackup(o.From, temp)
	}
	if err != nil {
		return r, err
	}
	next, err := readContent(ctx, temp, seal, o.From)
	if err != nil {
		return r, err
	}
	r.Generation, r.Records = next.generation, next.records
	if now != nil {
		r.Was = now.generation
		r.Lost = now.lostBy(next)
	}
	if len(r.Lost) > 0 && !o.Force {
		return r, fmt.Errorf("%w: %s", ErrGoesBack, o.Path)
	}
	if err := finishRestore(temp, seal, now, next); err != nil {
		return r, err
	}
	for _, path := range []string{o.Path, journalPath(o.Path)} {
		to, err := aside(path, "before-restore")
		switch {
		case err == nil:
			r.Aside = append(r.Aside, to)
		case !errors.Is(err, fs.ErrNotExist):
			return r, fmt.Errorf("restore: %w", err)
		}
	}
	if err := os.Rename(temp, o.Path); err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	if err := writeIdentity(identityPath(o.Path), next.store); err != nil {
		return r, fmt.Errorf("restore: write the identity file: %w", err)
	}
	return r, syncDir(filepath.Dir(o.Path))
}

// present reads what is there now: the store, which stays open so that nobody
// else takes it, or, if that is damaged or gone, its journal; nil for neither.
func present(ctx context.Context, o RestoreOptions, seal *sealer) (*content, *Store, error) {
	info, err := os.Stat(o.Path)
	if err == nil && info.Size() > 0 {
		s, err := Open(ctx, o.Options)
		if err == nil {
			var c content
			err = s.read(ctx, func(t *txn) error { c, err = contentOf(t); return err })
			return &c, s, err
		}
		switch {
		case errors.Is(err, ErrWrongKey):
			return &content{foreign: true}, nil, nil
		case !errors.Is(err, ErrDamaged):
			return nil, nil, err
		}
	}
	temp := o.Path + newSuffix + "present"
	defer os.Remove(temp)
	if fromJournal(o.Path, temp, seal) != nil {
		return nil, nil, nil // nothing can be read that could be lost
	}
	c, err := readContent(ctx, temp, seal, journalPath(o.Path))
	if err != nil {
		return nil, nil, nil // likewise
	}
	return &c, nil, nil
}

// fromBackup copies a backup.
func fromBackup(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer in.Close()
	return replaceFile(to, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
}

// fromJournal makes a store of what the journal of the store at path holds.
func fromJournal(path, to string, seal *sealer) (err error) {
	raw, err := os.ReadFile(journalPath(path))
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if int64(len(raw)) < journalHeader {
		return fail(ErrDamaged, journalPath(path), "%v", errNoJournal)
	}
	if err := sweep(path); err != nil {
		return err
	}
	store := fmt.Sprintf("%x", raw[len(journalMagic):journalHeader])
	s, err := openFile(Options{Path: to, Timeout: defaultTimeout}, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.id, s.journal = store, &journal{path: journalPath(path), store: store}
	if _, err := s.begin(seal, layout{store: store}); err != nil {
		return err
	}
	return s.bringForward(0)
}

// finishRestore makes a restored file go on where the one before ended.
func finishRestore(path string, seal *sealer, now *content, next content) (err error) {
	s, err := openFile(Options{Path: path, Timeout: defaultTimeout}, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.writeRaw(func(tx *bbolt.Tx) error {
		if err := migrate(tx); err != nil {
			return err
		}
		t := &txn{tx: tx, seal: seal, head: head{Store: next.store, Generation: next.generation}}
		if now != nil {
			t.head.Generation = max(t.head.Generation, now.generation)
			for id, refreshed := range now.refreshed {
				if refreshed <= next.refreshed[id] {
					continue
				}
				a, err := t.authOf(id)
				if err != nil || a == nil {
					continue
				}
				err = t.putRefresh(id, refreshRecord{
					Schema: refreshSchema, Generation: refreshed, Phase: RefreshUnknown,
					Since: time.Now().UTC(), OldToken: auth.TokenDigest(a.RefreshToken()),
				})
				if err != nil {
					return err
				}
			}
		}
		t.head.Generation++
		return writeHead(tx, seal, t.head)
	})
}
