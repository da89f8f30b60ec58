package boltstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// refreshSchema is the version of refreshRecord.
const refreshSchema = 1

// RefreshPhase is how a credential's last refresh stands.
type RefreshPhase string

// The phases.
const (
	// RefreshIdle: no refresh is open.
	RefreshIdle RefreshPhase = ""
	// RefreshBegun: one has begun and not ended. After a restart nobody knows
	// whether the provider has used the token up.
	RefreshBegun RefreshPhase = "refreshing"
	// RefreshUnknown: the provider was asked, and no answer came.
	RefreshUnknown RefreshPhase = "unknown"
	// RefreshNeedsLogin: the provider takes the token no more.
	RefreshNeedsLogin RefreshPhase = "needs_login"
)

// refreshRecord is what the store knows of a credential's refreshes, beside the
// credential.
type refreshRecord struct {
	Schema     int          `json:"schema"`
	Generation uint64       `json:"generation"`
	Phase      RefreshPhase `json:"phase,omitempty"`
	// Since is when the open refresh began, OldToken the digest of the token that
	// it uses up.
	Since    time.Time `json:"since,omitzero"`
	OldToken string    `json:"old_token,omitempty"`
	// Earlier is what was known of the token when the open refresh began.
	Earlier RefreshPhase `json:"earlier,omitempty"`
	// Trial: the tokens of this generation have not worked yet. Replaced is what
	// they took the place of, null for what was not there.
	Trial    bool           `json:"trial,omitempty"`
	At       time.Time      `json:"at,omitzero"`
	Replaced map[string]any `json:"replaced,omitempty"`
}

// refreshOf reads the record; a credential that was never refreshed has none.
func (t *txn) refreshOf(id string) (refreshRecord, error) {
	plain, generation, err := t.get(bucketRefreshes, id)
	if err != nil {
		return refreshRecord{}, err
	}
	if generation == 0 {
		return refreshRecord{Schema: refreshSchema}, nil
	}
	var r refreshRecord
	dec := json.NewDecoder(bytes.NewReader(plain))
	dec.UseNumber()
	if dec.Decode(&r) != nil || r.Schema != refreshSchema {
		return refreshRecord{}, errUnreadable
	}
	r.Replaced = decodeMetadata(r.Replaced)
	return r, nil
}

// refreshOrNew reads the record; one that is damaged ends here, so that it keeps
// nobody from refreshing: what it held besides the generation is lost.
func (s *Store) refreshOrNew(t *txn, id string, gen uint64) refreshRecord {
	r, err := t.refreshOf(id)
	if err != nil {
		s.tell("what was known of the refreshes of credential %q could not be read (%v) and begins anew", id, err)
		return refreshRecord{Schema: refreshSchema, Generation: gen}
	}
	return r
}

func (t *txn) putRefresh(id string, r refreshRecord) error {
	replaced, err := encodeMetadata(r.Replaced)
	if err != nil {
		return err
	}
	r.Replaced = replaced
	plain, err := json.Marshal(r)
	if err != nil {
		return errors.New("what was replaced cannot be kept") // the cause may quote a value
	}
	_, err = t.put(bucketRefreshes, id, plain)
	return err
}

// authOf reads a credential, nil when there is none.
func (t *txn) authOf(id string) (*auth.Auth, error) {
	plain, generation, err := t.get(bucketAuths, id)
	if err != nil || generation == 0 {
		return nil, err
	}
	return decodeAuth(id, plain)
}

// Begin implements auth.RefreshStore: faults.md section 3, R2.
func (s *Store) Begin(ctx context.Context, id string, gen uint64, oldToken string) (current uint64, err error) {
	if err := checkID(id); err != nil {
		return 0, fmt.Errorf("begin a refresh: %w", err)
	}
	err = s.write(ctx, OpBegin, func(t *txn) error {
		r := s.refreshOrNew(t, id, gen)
		if gen != 0 && gen != r.Generation {
			return fmt.Errorf("the store has generation %d and not %d", r.Generation, gen)
		}
		current = r.Generation
		// What is open since an earlier time stays open since then.
		switch {
		case r.Phase == RefreshIdle || r.OldToken != oldToken:
			r.Since, r.Earlier = time.Now().UTC(), RefreshIdle
		case r.open():
			r.Earlier = RefreshUnknown
		default:
			r.Earlier = r.Phase
		}
		r.Phase, r.OldToken = RefreshBegun, oldToken
		return t.putRefresh(id, r)
	})
	if err != nil {
		return 0, fmt.Errorf("begin a refresh of credential %q: %w", id, err)
	}
	return current, nil
}

func (r refreshRecord) open() bool { return r.Phase == RefreshBegun || r.Phase == RefreshUnknown }

// Commit implements auth.RefreshStore: faults.md section 3, R4. A commit that
// was made before, by this process or for it by the journal, is made once.
func (s *Store) Commit(ctx context.Context, a *auth.Auth, gen uint64) (next uint64, err error) {
	if a == nil {
		return 0, errors.New("commit a refresh: there is no credential")
	}
	plain, err := encodeAuth(a)
	if err != nil {
		return 0, fmt.Errorf("commit a refresh of credential %q: %w", a.ID, err)
	}
	err = s.write(ctx, OpCommit, func(t *txn) error {
		r := s.refreshOrNew(t, a.ID, gen)
		// What cannot be read is replaced: the new tokens are all there is.
		old, err := t.authOf(a.ID)
		if err != nil {
			old = nil
		}
		if _, err := t.put(bucketAuths, a.ID, plain); err != nil {
			return err
		}
		switch {
		case r.Generation > 0 && !r.open() && (gen == 0 || r.Generation == gen+1) && sameTokens(old, a):
			next = r.Generation
			return nil
		case gen != 0 && r.Generation != gen:
			return fmt.Errorf("the store has generation %d and not %d", r.Generation, gen)
		}
		next = r.Generation + 1
		r = refreshRecord{Schema: refreshSchema, Generation: next}
		if old != nil {
			if r.Replaced = replaced(old.Metadata, a.Metadata); len(r.Replaced) > 0 {
				r.Trial, r.At = true, time.Now().UTC()
			}
		}
		return t.putRefresh(a.ID, r)
	})
	if err != nil {
		return 0, fmt.Errorf("commit a refresh of credential %q: %w", a.ID, err)
	}
	return next, nil
}

func sameTokens(a, b *auth.Auth) bool {
	return a != nil && a.RefreshToken() == b.RefreshToken() && a.AccessToken() == b.AccessToken()
}

// replaced returns what a refresh took away or changed, nil for what it added.
func replaced(before, fresh map[string]any) map[string]any {
	out := map[string]any{}
	for key, was := range before {
		if now, kept := fresh[key]; !kept || !reflect.DeepEqual(was, now) {
			out[key] = was
		}
	}
	for key := range fresh {
		if _, had := before[key]; !had {
			out[key] = nil
		}
	}
	return out
}

// Confirm implements auth.RefreshStore.
func (s *Store) Confirm(ctx context.Context, id string, gen uint64) error {
	return s.changeRefresh(ctx, OpConfirm, id, gen, func(r *refreshRecord) bool {
		if r.Generation != gen || !r.Trial {
			return false
		}
		r.Trial, r.At, r.Replaced = false, time.Time{}, nil
		return true
	})
}

// Abort implements auth.RefreshStore.
func (s *Store) Abort(ctx context.Context, id string, gen uint64, outcome auth.RefreshOutcome) error {
	phase := map[auth.RefreshOutcome]RefreshPhase{
		auth.RefreshUnknown: RefreshUnknown, auth.RefreshNeedsLogin: RefreshNeedsLogin,
	}[outcome]
	return s.changeRefresh(ctx, OpAbort, id, gen, func(r *refreshRecord) bool {
		if r.Generation != gen || !r.open() {
			return false
		}
		r.Phase = phase
		if phase == RefreshIdle {
			r.Phase = r.Earlier // that it failed now settles nothing
		}
		if r.Phase == RefreshIdle {
			r.Since, r.OldToken = time.Time{}, ""
		}
		r.Earlier = RefreshIdle
		return true
	})
}

// changeRefresh changes the record, if change says that it did.
func (s *Store) changeRefresh(ctx context.Context, name, id string, gen uint64, change func(*refreshRecord) bool) error {
	if err := checkID(id); err != nil {
		return fmt.Errorf("%s a refresh: %w", name, err)
	}
	err := s.write(ctx, name, func(t *txn) error {
		r := s.refreshOrNew(t, id, gen)
		if !change(&r) {
			return nil
		}
		return t.putRefresh(id, r)
	})
	if err != nil {
		return fmt.Errorf("%s a refresh of credential %q: %w", name, id, err)
	}
	return nil
}

// RefreshState is what the store knows of a credential's refreshes; it holds no
// token.
type RefreshState struct {
	ID         string
	Generation uint64
	Phase      RefreshPhase
	// Since is when what Phase says began.
	Since time.Time
	// Trial: the newest tokens have not worked yet, and the ones before are kept.
	Trial bool
}

// Refreshes returns the states of all credentials that were ever refreshed, by
// ascending id. What stood open for tokens that have been replaced since, by a
// new login perhaps, is over. As with List, a *CorruptError comes together with
// the good ones.
func (s *Store) Refreshes(ctx context.Context) ([]RefreshState, error) {
	var states []RefreshState
	err := s.eachRefresh(ctx, func(id string, r refreshRecord) {
		states = append(states, RefreshState{ID: id, Generation: r.Generation, Phase: r.Phase, Since: r.Since, Trial: r.Trial})
	})
	return states, err
}

func (s *Store) eachRefresh(ctx context.Context, visit func(id string, r refreshRecord)) error {
	var corrupt *CorruptError
	err := s.read(ctx, func(t *txn) error {
		for _, id := range t.ids(bucketRefreshes) {
			r, err := t.refreshOf(id)
			if err != nil {
				corrupt = addCorrupt(corrupt, s.path, bucketRefreshes, id, err)
				continue
			}
			if r.Phase != RefreshIdle && r.OldToken != "" {
				a, err := t.authOf(id)
				if err == nil && (a == nil || auth.TokenDigest(a.RefreshToken()) != r.OldToken) {
					r.Phase, r.Since, r.OldToken = RefreshIdle, time.Time{}, ""
				}
			}
			visit(id, r)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list refreshes: %w", err)
	}
	if corrupt != nil {
		return corrupt
	}
	return nil
}

// Pending implements auth.RefreshStore: faults.md section 3, R6.
func (s *Store) Pending(ctx context.Context) ([]auth.PendingRefresh, error) {
	var pending []auth.PendingRefresh
	err := s.eachRefresh(ctx, func(id string, r refreshRecord) {
		if r.open() {
			pending = append(pending, auth.PendingRefresh{ID: id, Generation: r.Generation, Since: r.Since, OldToken: r.OldToken})
		}
	})
	return pending, err
}

// Trials implements auth.RefreshStore: faults.md section 3, R5.
func (s *Store) Trials(ctx context.Context) ([]auth.TrialRefresh, error) {
	var trials []auth.TrialRefresh
	err := s.eachRefresh(ctx, func(id string, r refreshRecord) {
		if r.Trial {
			trials = append(trials, auth.TrialRefresh{ID: id, Generation: r.Generation, At: r.At, Replaced: r.Replaced})
		}
	})
	return trials, err
}
