package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// RefreshStore is a Store that knows what a refresh is, so that no token is lost
// to a crash in the middle of one: it notes that a refresh begins before anybody
// asks the provider, and keeps the old tokens until the new ones have worked.
// The manager finds it by type assertion; with any other Store it saves the
// refreshed record before it is used. A credential has one refresh at a time.
// spec: faults.md section 3.
//
// A generation counts the refreshes of a credential that were committed. Save
// leaves it as it is. 0 stands for one that the manager does not know yet.
type RefreshStore interface {
	Store
	// Begin notes durably that a refresh of the generation begins, and a digest
	// of the refresh token that it uses up (see TokenDigest). It returns the
	// generation that the store has, and fails when gen is another.
	Begin(ctx context.Context, id string, gen uint64, oldToken string) (current uint64, err error)
	// Commit saves the record with its new tokens durably as the generation that
	// follows gen, which it returns, and keeps the old tokens. It ends what Begin
	// began.
	Commit(ctx context.Context, a *Auth, gen uint64) (next uint64, err error)
	// Confirm says that the tokens of a generation have worked: the old ones may
	// go. A generation that is not the newest is nothing.
	Confirm(ctx context.Context, id string, gen uint64) error
	// Abort ends what Begin began, without new tokens.
	Abort(ctx context.Context, id string, gen uint64, outcome RefreshOutcome) error
	// Pending lists the refreshes that were begun and not ended, as a crash
	// leaves them.
	Pending(ctx context.Context) ([]PendingRefresh, error)
	// Trials lists the refreshes whose tokens nobody has confirmed, with what they
	// replaced.
	Trials(ctx context.Context) ([]TrialRefresh, error)
}

// TrialRefresh is a refresh whose tokens have not worked yet.
type TrialRefresh struct {
	ID         string
	Generation uint64
	// At is when it was committed.
	At time.Time
	// Replaced is what the new tokens took out of Metadata, nil for what was not
	// there.
	Replaced map[string]any
}

// PendingRefresh is a refresh of which nobody knows how it ended.
type PendingRefresh struct {
	ID         string
	Generation uint64
	// Since is when it began.
	Since time.Time
	// OldToken is the digest that Begin was given.
	OldToken string
}

// RefreshOutcome is why a refresh brought no new tokens.
type RefreshOutcome uint8

// The outcomes.
const (
	// RefreshFailed: an error; the old tokens are as good as they were.
	RefreshFailed RefreshOutcome = iota
	// RefreshUnknown: no answer came, so that the provider may have taken the old
	// refresh token for used.
	RefreshUnknown
	// RefreshSuperseded: the credential got other tokens meanwhile.
	RefreshSuperseded
	// RefreshNeedsLogin: the provider takes the refresh token no more.
	RefreshNeedsLogin
)

// TokenDigest is what is kept of a token to know it again: a SHA-256 in hex.
// The digest of nothing is empty.
func TokenDigest(token string) string {
	if token == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Format writes which credential it is and when, and none of the tokens, for
// every verb and flag.
func (t TrialRefresh) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "refresh %d of %q at %s", t.Generation, t.ID, t.At.Format(time.RFC3339)) // fmt.State keeps what it is given
}
