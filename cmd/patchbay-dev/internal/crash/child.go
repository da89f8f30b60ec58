package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/patchbay-dev/patchbay/boltstore"
	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// order is what a child is told.
type order struct {
	Dir string `json:"dir"`
	// Server is the base URL of the strict server.
	Server string `json:"server"`
	// Point is where the child kills itself, the Nth time it comes there.
	Point string `json:"point,omitempty"`
	Nth   int    `json:"nth,omitempty"`
	// Fault is how its disk fails, from the Nth commit of a refresh on.
	Fault kind `json:"fault,omitempty"`
	// WithoutR2 takes the intent out.
	WithoutR2 bool `json:"without_r2,omitempty"`
}

// What a child says, a line each.
const (
	saidReady = "ready"
	saidFault = "fault"
)

// child is a server that only refreshes.
type child struct {
	order order
	out   io.Writer

	reached atomic.Int64 // how often the point was
	commits atomic.Int64
	failing atomic.Bool
	once    sync.Once
}

// Child runs the process of a round: it reads an order from in, and refreshes
// until it is killed or told to stop.
func Child(in io.Reader, out io.Writer) error {
	c := &child{out: out}
	if err := json.NewDecoder(in).Decode(&c.order); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(1)
	}()
	return c.serve(ctx)
}

func (c *child) serve(ctx context.Context) (err error) {
	store, err := boltstore.Open(ctx, boltstore.Options{
		Path:  filepath.Join(c.order.Dir, storeName),
		Seams: boltstore.Seams{At: c.atStore, Journal: func(f boltstore.JournalFile) boltstore.JournalFile { return failing{f, c} }},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	var kept auth.Store = store
	if c.order.WithoutR2 {
		kept = noIntent{store}
	}
	m := host.New(host.Options{Store: kept, Logger: slog.New(slog.DiscardHandler)})
	exec := &strict{client: &http.Client{Transport: new(http.Transport)}, base: c.order.Server, at: c.at}
	m.RegisterExecutor(exec)
	var corrupt *auth.CorruptError
	if err := m.Load(ctx); err != nil && !errors.As(err, &corrupt) {
		return errors.Join(err, m.Close(ctx))
	}
	m.StartAutoRefresh(ctx, 0) // tries what was interrupted
	fmt.Fprintln(c.out, saidReady)
	var users sync.WaitGroup
	for _, a := range m.List() {
		m.SetModels(a.ID, host.ModelInfo{ID: "m"})
		users.Go(func() { use(ctx, m, exec, a.ID) })
	}
	users.Wait()
	end, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	return m.Close(end)
}

// use refreshes a credential and uses it, until ctx ends.
func use(ctx context.Context, m *host.Manager, exec *strict, id string) {
	for ctx.Err() == nil {
		a, err := m.RefreshAuth(ctx, id)
		if err == nil {
			began := time.Now()
			if exec.works(ctx, a.AccessToken()) {
				m.MarkResult(ctx, auth.Result{AuthID: id, Provider: provider, Model: "m", Success: true, Started: began})
			}
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// at kills the process at its point.
func (c *child) at(place string) {
	if place != c.order.Point || c.reached.Add(1) != int64(c.order.Nth) {
		return
	}
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		fmt.Fprintln(c.out, "cannot kill itself:", err)
	}
	select {} // the signal is on its way
}

// atStore is boltstore.Seams.At.
func (c *child) atStore(op string, p boltstore.Point) error {
	if op == boltstore.OpCommit && p == boltstore.BeforeJournal && c.order.Fault != "" && c.commits.Add(1) >= int64(c.order.Nth) {
		c.once.Do(func() {
			if c.order.Fault == fullDisk {
				c.fill()
			}
			c.failing.Store(true)
			fmt.Fprintln(c.out, saidFault)
		})
	}
	c.at(in(op, p))
	if !c.failing.Load() {
		return nil
	}
	switch {
	case c.order.Fault == noRoomFile && p == boltstore.JournalSynced:
		return &os.PathError{Op: "write", Path: storeName, Err: syscall.ENOSPC}
	case c.order.Fault == fsyncFile && p == boltstore.Committed:
		return &os.PathError{Op: "fdatasync", Path: storeName, Err: syscall.EIO}
	}
	return nil
}

// fill keeps the process from writing behind what the journal has now and a little
// more, in whatever file.
func (c *child) fill() {
	info, err := os.Stat(filepath.Join(c.order.Dir, journalName))
	if err == nil {
		err = limitFiles(uint64(info.Size()) + 700)
	}
	if err != nil {
		fmt.Fprintln(c.out, "cannot limit its files:", err)
	}
}

// failing is a journal's file on a disk that fails.
type failing struct {
	boltstore.JournalFile
	c *child
}

func (f failing) fails(k kind) bool { return f.c.failing.Load() && f.c.order.Fault == k }

func (f failing) WriteAt(b []byte, at int64) (int, error) {
	full := &os.PathError{Op: "write", Path: "journal", Err: syscall.ENOSPC}
	switch {
	case f.fails(noRoomJournal):
		return 0, full
	case f.fails(shortWrite):
		n, err := f.JournalFile.WriteAt(b[:len(b)/2], at)
		return n, errors.Join(err, full)
	}
	return f.JournalFile.WriteAt(b, at)
}

func (f failing) Truncate(size int64) error {
	if f.fails(shortWrite) { // nor can it be taken back
		return &os.PathError{Op: "truncate", Path: "journal", Err: syscall.EIO}
	}
	return f.JournalFile.Truncate(size)
}

func (f failing) Sync() error {
	if f.fails(fsyncJournal) {
		return &os.PathError{Op: "fsync", Path: "journal", Err: syscall.EIO}
	}
	return f.JournalFile.Sync()
}

// noIntent is a store without R2: nothing is noted before the provider is asked.
type noIntent struct{ *boltstore.Store }

func (s noIntent) Begin(ctx context.Context, id string, gen uint64, _ string) (uint64, error) {
	states, err := s.Refreshes(ctx)
	for _, r := range states {
		if r.ID == id {
			return r.Generation, err
		}
	}
	return gen, err
}
