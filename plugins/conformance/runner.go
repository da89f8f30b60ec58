package conformance

import (
	"bytes"
	"context"
	"fmt"

	"github.com/patchbay-dev/patchbay/abi"
)

// runner makes the calls and keeps the results.
type runner struct {
	ctx     context.Context
	subject Subject
	results []Result
}

// test begins a result; what follows belongs to it.
func (r *runner) test(format string, args ...any) {
	r.results = append(r.results, Result{Name: fmt.Sprintf(format, args...)})
}

func (r *runner) problem(format string, args ...any) {
	now := &r.results[len(r.results)-1]
	if len(now.Problems) < maxProblems {
		now.Problems = append(now.Problems, fmt.Sprintf(format, args...))
	}
}

// ask makes one call, on both guests, and twice on the one that is shared. It
// returns what came back, or nil when there is nothing to go on with.
func (r *runner) ask(op abi.Op, kind abi.Kind, in abi.Message) *abi.ActionList {
	return r.rawAs(op, op, kind, abi.AppendMessage(nil, in))
}

// rawAs is ask with bytes, for an answer that has to keep the rules of another op.
func (r *runner) rawAs(op, rules abi.Op, kind abi.Kind, input []byte) *abi.ActionList {
	if r.ctx.Err() != nil {
		return nil
	}
	first, ok := r.call(r.subject.Shared, op, input)
	again, okAgain := r.call(r.subject.Shared, op, input)
	fresh, okFresh := r.call(r.subject.Fresh, op, input)
	if !ok || !okAgain || !okFresh {
		return nil
	}
	if !bytes.Equal(first, again) {
		r.problem("%s: the same input, twice, gave different bytes: the guest keeps something between calls, or asks the clock", op)
	}
	if !bytes.Equal(first, fresh) {
		r.problem("%s: an instance that had served gave other bytes than a fresh one: the guest keeps something between calls", op)
	}
	list := new(abi.ActionList)
	if err := abi.DecodeStrict(first, list); err != nil {
		r.problem("%s: the answer is not a list of actions: %v", op, err)
		return nil
	}
	if broken := legal(rules, kind, list); broken != "" {
		r.problem("%s: %s", op, broken)
		return nil
	}
	return list
}

func (r *runner) call(g abi.Guest, op abi.Op, input []byte) ([]byte, bool) {
	r.results[len(r.results)-1].Calls++
	out, err := g.Call(r.ctx, op, input, nil)
	if err != nil {
		r.problem("%s: %v", op, err)
		return nil, false
	}
	return out, true
}
