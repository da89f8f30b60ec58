package driver

import (
	"net/http"
	"sync"
	"time"
)

const (
	// mintedMargin is how long before its end a derived token is used no more,
	// or a tenth of its life where that is less.
	mintedMargin = time.Minute
	// maxMinted bounds the credentials whose derived tokens are kept.
	maxMinted = 10_000
)

// mintings keeps what derived exchanges brought, in memory, by credential. The
// zero value is empty.
type mintings struct {
	mu   sync.Mutex // guards kept
	kept map[string]minted
}

// minted is what one credential's derived exchange brought. Its fields are
// never written again.
type minted struct {
	of     uint64 // the revision of the credential that it was made from
	until  time.Time
	fields []extracted
}

// put keeps what says when it ends; anything else is the attempt's alone.
func (m *mintings) put(of uint64, id string, found []extracted, now time.Time) {
	until := time.Time{}
	for _, f := range found {
		if !f.expires.IsZero() {
			until = f.expires
		}
	}
	if until.IsZero() {
		return
	}
	until = until.Add(-min(mintedMargin, until.Sub(now)/10))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil || len(m.kept) >= maxMinted {
		m.kept = map[string]minted{}
	}
	m.kept[id] = minted{of: of, until: until, fields: found}
}

func (m *mintings) get(of uint64, id string, now time.Time) []extracted {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.kept[id]
	if !ok || k.of != of || !now.Before(k.until) {
		return nil
	}
	return k.fields
}

// drop forgets tokens that the provider does not take.
func (m *mintings) drop(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.kept, id)
}

// mint gives an attempt the tokens that were derived before.
func (a *attempt) mint() {
	a.minting = revisionOf(a.auth)
	if found := a.e.minted.get(a.minting, a.auth.ID, a.e.opts.Now()); found != nil {
		a.keep(found)
	}
}

// spoiled forgets derived tokens after the provider refused them.
func (a *attempt) spoiled(status int) {
	if a.e.mints && status == http.StatusUnauthorized {
		a.e.minted.drop(a.auth.ID)
	}
}
