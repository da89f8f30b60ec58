package conformance

import (
	"context"

	"github.com/patchbay-dev/patchbay/abi"
)

// Subject is what is tested.
type Subject struct {
	Manifest *abi.Manifest
	// Shared answers every call with the same instance, Fresh each with one that
	// ran nothing but init.
	Shared, Fresh abi.Guest
	// Recorded are exchanges with the real upstream; see ReadRecordings.
	Recorded []Recording
}

// Result is one promise of the contract, and how it was kept.
type Result struct {
	// Name says which: "stream of acme as openai-chat".
	Name string
	// Calls is how many calls were made for it.
	Calls int
	// Problems are what broke it, one line each; none means that it holds.
	Problems []string
}

// maxProblems bounds the problems of one Result: what is wrong once is often
// wrong everywhere.
const maxProblems = 8

// Run tests a subject. It ends early, with what it has, when ctx does.
func Run(ctx context.Context, s Subject) []Result {
	r := &runner{ctx: ctx, subject: s}
	for _, p := range s.Manifest.Provides.Providers {
		r.provider(p)
	}
	r.hooks()
	r.vectors()
	r.hostile()
	for _, rec := range s.Recorded {
		r.recorded(rec)
	}
	return r.results
}
