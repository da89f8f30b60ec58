package telemetry

import (
	"context"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Store returns inner, counted: its writes by kind and result, and how long they
// took.
func (m *Metrics) Store(inner auth.Store) auth.Store { return countedStore{inner, m} }

type countedStore struct {
	auth.Store
	m *Metrics
}

// Save implements auth.Store.
func (s countedStore) Save(ctx context.Context, a *auth.Auth) (string, error) {
	start := time.Now()
	where, err := s.Store.Save(ctx, a)
	s.m.written("save", start, err)
	return where, err
}

// Delete implements auth.Store.
func (s countedStore) Delete(ctx context.Context, id string) error {
	start := time.Now()
	err := s.Store.Delete(ctx, id)
	s.m.written("delete", start, err)
	return err
}

func (m *Metrics) written(operation string, start time.Time, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.writes.WithLabelValues(operation, result).Inc()
	m.writeTime.Observe(time.Since(start).Seconds())
}
