package soak

import (
	"testing"
	"time"
)

// TestSoak is the soak in short: with two seconds of it in every test run, what
// breaks is found by who broke it.
func TestSoak(t *testing.T) {
	r, err := Run(t.Context(), Options{For: 2 * time.Second, Seed: 1, Credentials: 200})
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range r.Told {
		t.Error(told)
	}
	if r.Violations != 0 || r.Rests == 0 {
		t.Errorf("%d violations in %d comparisons", r.Violations, r.Rests)
	}
	for name, n := range r.Done {
		if n == 0 {
			t.Errorf("no %s was done", name)
		}
	}
}
