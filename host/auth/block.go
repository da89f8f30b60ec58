package auth

import "time"

// BlockReason is why a credential may not be picked.
type BlockReason uint8

// The reasons. Only BlockedQuota counts towards the answer that everything is
// cooling down.
const (
	NotBlocked BlockReason = iota
	// BlockedDisabled: switched off, until somebody switches it on.
	BlockedDisabled
	// BlockedQuota: a quota is used up.
	BlockedQuota
	// BlockedOther: another failure.
	BlockedOther
)

// Block is whether and until when a credential may not be picked.
type Block struct {
	Reason BlockReason
	// Until is zero when nothing is known, or when there is no block.
	Until time.Time
	// Status is the HTTP status that caused the block, 0 when unknown.
	Status int
	// Source says on whose word it ends then, or does not; may be empty.
	Source Source
}

// CredentialState is the key in ModelStates of what is known of the credential
// as a whole. A block there holds for every model, also for those without a
// state.
const CredentialState = ""

// Block says whether the credential may be picked for model at now. The
// record's own flags count only while it has no states at all, as when it was
// just loaded: with states, they are a summary that says nothing of a model
// without history. With an empty model the summary decides. Block of nil is
// BlockedOther. spec: core.md 3.6.
func (a *Auth) Block(model string, now time.Time) Block {
	switch {
	case a == nil:
		return Block{Reason: BlockedOther}
	case a.Disabled || a.Status == StatusDisabled:
		return Block{Reason: BlockedDisabled, Source: SourceOperator}
	}
	if whole := a.ModelStates[CredentialState]; whole != nil {
		if b := whole.block(now); b.Reason != NotBlocked {
			return b
		}
	}
	if model == "" || len(a.ModelStates) == 0 {
		return blockOf(a.Unavailable, a.NextRetryAfter, a.Quota, a.LastError, now)
	}
	state := a.ModelStates[CanonicalModel(model)]
	if state == nil {
		return Block{}
	}
	return state.block(now)
}

func (m *ModelState) block(now time.Time) Block {
	if m.Status == StatusDisabled {
		return Block{Reason: BlockedDisabled, Source: SourceOperator}
	}
	b := blockOf(m.Unavailable, m.NextRetryAfter, m.Quota, m.LastError, now)
	if b.Reason != NotBlocked {
		b.Source = m.Source
	}
	return b
}

// blockOf takes a block without a time as none, so that no record can be
// locked out for ever. Quota.NextRecoverAt is not asked: it shows the
// provider's true reset, which may lie beyond the longest block.
func blockOf(unavailable bool, until time.Time, quota QuotaState, last *Error, now time.Time) Block {
	if !unavailable || !until.After(now) {
		return Block{}
	}
	b := Block{Reason: BlockedOther, Until: until, Status: last.countsAs()}
	if quota.Exceeded {
		b.Reason = BlockedQuota
	}
	return b
}
