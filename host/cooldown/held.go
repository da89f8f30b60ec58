package cooldown

import (
	"maps"
	"slices"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Held is one block of a credential, as it is shown.
type Held struct {
	// Model is empty for a block of the credential as a whole.
	Model string
	Block
	// Message is what the failure was, in words that hold no secret.
	Message string
	// Reset is when the provider says that a quota returns; zero when it did
	// not say. It may lie beyond the block's end.
	Reset time.Time
}

// List returns the blocks of a record that hold at now, that of the whole
// credential first, then by model. It is empty for a record that is switched
// off: nothing waits there.
func List(a *auth.Auth, now time.Time) []Held {
	if a == nil || a.Disabled || a.Status == auth.StatusDisabled {
		return nil
	}
	if len(a.ModelStates) == 0 {
		if b := a.Block("", now); b.Reason != auth.NotBlocked {
			return []Held{{Block: b, Message: a.StatusMessage, Reset: a.Quota.NextRecoverAt}}
		}
		return nil
	}
	var all []Held
	for _, model := range slices.Sorted(maps.Keys(a.ModelStates)) {
		s := a.ModelStates[model]
		if s == nil {
			continue
		}
		alone := auth.Auth{ModelStates: map[string]*auth.ModelState{model: s}}
		if b := alone.Block(model, now); b.Reason != auth.NotBlocked {
			all = append(all, Held{Model: model, Block: b, Message: s.StatusMessage, Reset: s.Quota.NextRecoverAt})
		}
	}
	return all
}
