package guest

import "github.com/patchbay-dev/patchbay/abi"

// Types of the contract that providers use as they are.
type (
	// Event is one complete event of an upstream stream.
	Event = abi.Event
	// Pair is a header or query pair.
	Pair = abi.Pair
	// Usage is what an attempt used, in tokens.
	Usage = abi.Usage
	// Hint is a limit that a success told of.
	Hint = abi.Hint
	// Fail is why an attempt failed.
	Fail = abi.Fail
	// Model is one model that a credential may use.
	Model = abi.Model
	// ExchangeResult is what a plugin learns of a token request.
	ExchangeResult = abi.ExchangeResult
	// Observation is one thing that happened.
	Observation = abi.Observation
)

// Answer is how a call ends. It is made by the methods of Request, Batch and
// Send; the zero Answer fails the attempt.
type Answer struct{ action abi.Action }

func failed(f *Fail) Answer {
	return Answer{abi.Action{Which: abi.ActionIsFail, Fail: f}}
}

// How much a Fail says about; see SPEC.md section 7.
const (
	// ScopeRequest: no other credential will do better.
	ScopeRequest = abi.ScopeRequest
	// ScopeModel: this model of this credential, the default.
	ScopeModel = abi.ScopeModel
	// ScopeCredential: all models of this credential.
	ScopeCredential = abi.ScopeCredential
	// ScopeQuotaGroup: all credentials that share its quota.
	ScopeQuotaGroup = abi.ScopeQuotaGroup
	// ScopeProvider: all credentials of this provider.
	ScopeProvider = abi.ScopeProvider
)
