package driver

import (
	"fmt"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// TestE05DerivedTokensAreBounded: what is kept in memory for credentials does
// not grow with all that there ever were.
func TestE05DerivedTokensAreBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var m mintings
	for i := range 2*maxMinted + 1 {
		m.put(1, fmt.Sprint(i), []extracted{{expires: now.Add(time.Hour)}}, now)
		if len(m.kept) > maxMinted {
			t.Fatalf("%d are kept, the most is %d", len(m.kept), maxMinted)
		}
	}
	if m.get(1, fmt.Sprint(2*maxMinted), now) == nil {
		t.Error("the newest is forgotten")
	}
}

// TestE05BasesAreBounded: a base URL that is not remembered is parsed again.
func TestE05BasesAreBounded(t *testing.T) {
	e := newExecutor(t, always(end), manifest())
	for i := range maxBases + 10 {
		a := &auth.Auth{ID: "a", Provider: "fake", Attributes: map[string]string{"base_url": fmt.Sprintf("https://h%d.example.com", i)}}
		if dest, err := e.baseOf(a, "base_url"); err != nil || dest.Host != fmt.Sprintf("h%d.example.com", i) {
			t.Fatalf("%d: %+v, %v", i, dest, err)
		}
	}
	if n := len(e.bases.known); n != maxBases {
		t.Errorf("%d are remembered, the most is %d", n, maxBases)
	}
}
