package boltstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/patchbay-dev/patchbay/boltstore"
	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
)

func credential(i int) *auth.Auth {
	return &auth.Auth{
		ID: fmt.Sprintf("credential-%06d", i), Provider: "p", Label: "somebody@example.com", Status: auth.StatusActive,
		Attributes: map[string]string{"base_url": "https://api.example.com/v1"},
		Metadata: map[string]any{
			"access_token": fmt.Sprintf("access-%064d", i), "refresh_token": fmt.Sprintf("refresh-%064d", i),
			"expires_at": "2026-01-02T03:04:05Z", "account_id": "account",
		},
	}
}

// openFull makes a store of n credentials and returns its path.
func openFull(b *testing.B, n int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "patchbay.db")
	s := mustOpen(b, path)
	for at := 0; at < n; at += 5000 {
		var all []*auth.Auth
		for i := at; i < min(at+5000, n); i++ {
			all = append(all, credential(i))
		}
		if err := s.SaveAll(b.Context(), all); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

func mustOpen(b *testing.B, path string) *boltstore.Store {
	b.Helper()
	s, err := boltstore.Open(b.Context(), boltstore.Options{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkOpenAndLoad is a start with 100,000 credentials: the store and its
// journal are opened, and the manager has them all.
func BenchmarkOpenAndLoad(b *testing.B) {
	const n = 100_000
	path := openFull(b, n)
	for b.Loop() {
		s := mustOpen(b, path)
		m := host.New(host.Options{Store: s})
		if err := m.Load(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if got := len(m.List()); got != n {
			b.Fatalf("%d credentials", got)
		}
		if err := m.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkDurable is a refresh's commit beside a bare put of bbolt with its fsync.
func BenchmarkDurable(b *testing.B) {
	b.Run("bbolt-put", func(b *testing.B) {
		db, err := bbolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		value := make([]byte, 600)
		for b.Loop() {
			err := db.Update(func(tx *bbolt.Tx) error {
				bucket, err := tx.CreateBucketIfNotExists([]byte("b"))
				if err != nil {
					return err
				}
				return bucket.Put([]byte("k"), value)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("commit", func(b *testing.B) {
		s := mustOpen(b, filepath.Join(b.TempDir(), "patchbay.db"))
		defer s.Close()
		gen := uint64(0)
		for b.Loop() {
			next, err := s.Commit(b.Context(), credential(0), gen)
			if err != nil {
				b.Fatal(err)
			}
			gen = next
		}
	})
}

// ticks is a clock whose sleepers wake when the benchmark says so.
type ticks struct{ wake chan struct{} }

func (ticks) Now() time.Time { return time.Now() }

func (c ticks) Sleep(ctx context.Context, _ time.Duration) error {
	select {
	case <-c.wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// BenchmarkMark is what marking an outcome costs its request, with 1,000
// credentials of which each hundredth outcome is a failure, without a store and
// with one. One op is the 10,000 results of a second; after five of them, as
// after five seconds, what changed is saved. A request does not wait for that,
// so it is measured apart: saving-ns/mark.
func BenchmarkMark(b *testing.B) {
	for _, name := range []string{"alone", "stored"} {
		b.Run(name, func(b *testing.B) {
			clock := ticks{make(chan struct{})}
			o := host.Options{Clock: clock}
			var s *boltstore.Store
			if name == "stored" {
				s = mustOpen(b, filepath.Join(b.TempDir(), "patchbay.db"))
				defer s.Close()
				o.Store = s
			}
			m := host.New(o)
			defer m.Close(context.WithoutCancel(b.Context()))
			ctx := host.WithSkipPersist(b.Context())
			const n = 1000
			for i := range n {
				if _, err := m.Register(ctx, credential(i)); err != nil {
					b.Fatal(err)
				}
			}
			seconds, saving := 0, time.Duration(0)
			for b.Loop() {
				for i := range 10_000 {
					r := auth.Result{AuthID: fmt.Sprintf("credential-%06d", i%n), Provider: "p", Model: "m", Success: i%100 != 0}
					if !r.Success {
						r.Error = &auth.Error{HTTPStatus: 500, Message: "failed"}
					}
					m.MarkResult(b.Context(), r)
				}
				if seconds++; seconds%5 == 0 && s != nil {
					b.StopTimer()
					began, writes := time.Now(), s.Stats().Writes
					for clock.wake <- struct{}{}; s.Stats().Writes == writes; {
						time.Sleep(100 * time.Microsecond)
					}
					saving += time.Since(began)
					b.StartTimer()
				}
			}
			b.ReportMetric(float64(saving.Nanoseconds())/float64(b.N)/10_000, "saving-ns/mark")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/mark")
		})
	}
}
