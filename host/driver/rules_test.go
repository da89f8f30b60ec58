package driver

import (
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
)

// TestRules is contract section 2 and 3, as far as this build goes.
func TestRules(t *testing.T) {
	act := func(w abi.ActionWhich) abi.Action {
		return abi.Action{Which: w, Chunks: &abi.Chunks{}}
	}
	const (
		stream = abi.KindStream
		whole  = abi.KindExecute
	)
	for _, c := range []struct {
		op      abi.Op
		kind    abi.Kind
		actions []abi.ActionWhich
		broken  string // a part of the rule; empty when all is well
	}{
		{abi.OpExecute, stream, []abi.ActionWhich{abi.ActionIsSend}, ""},
		{abi.OpExecute, stream, []abi.ActionWhich{abi.ActionIsChunks, abi.ActionIsUsage, abi.ActionIsHint, abi.ActionIsEnd}, ""},
		{abi.OpExecute, whole, []abi.ActionWhich{abi.ActionIsReply}, ""},
		{abi.OpExecute, whole, []abi.ActionWhich{abi.ActionIsSleep}, ""},
		{abi.OpExecute, whole, []abi.ActionWhich{abi.ActionIsFail}, ""},
		{abi.OpExecute, whole, []abi.ActionWhich{abi.ActionIsUnsupported}, ""},
		{abi.OpExecute, whole, nil, "empty"},
		{abi.OpExecute, stream, []abi.ActionWhich{abi.ActionIsReply}, "wants a stream"},
		{abi.OpExecute, whole, []abi.ActionWhich{abi.ActionIsEnd}, "wants a whole answer"},
		{abi.OpExecute, whole, []abi.ActionWhich{abi.ActionIsChunks, abi.ActionIsReply}, "wants a whole answer"},
		{abi.OpExecute, stream, []abi.ActionWhich{abi.ActionIsChunks}, "not terminal"},
		{abi.OpExecute, stream, []abi.ActionWhich{abi.ActionIsEnd, abi.ActionIsEnd}, "not the last"},
		{abi.OpExecute, stream, []abi.ActionWhich{abi.ActionIsEnd, abi.ActionIsChunks}, "not the last"},
		{abi.OpExecute, stream, []abi.ActionWhich{abi.ActionIsWait}, "may not answer"},
		{abi.OpExecute, stream, []abi.ActionWhich{abi.ActionIsPass}, "may not answer"},
		{abi.OpExecute, stream, []abi.ActionWhich{abi.ActionIsOK}, "may not answer"},
		{abi.OpExecute, stream, []abi.ActionWhich{abi.ActionIsModels}, "may not answer"},
		{abi.OpExecute, stream, []abi.ActionWhich{abi.ActionIsRefresh}, ""},
		{abi.OpExecute, stream, []abi.ActionWhich{abi.ActionIsAppend, abi.ActionIsFlush, abi.ActionIsDrop, abi.ActionIsEnd}, ""},
		{abi.OpExecute, whole, []abi.ActionWhich{abi.ActionIsFlush, abi.ActionIsReply}, "wants a whole answer"},
		{abi.OpExecute, abi.KindCount, []abi.ActionWhich{abi.ActionIsReply}, ""},
		{abi.OpExecute, abi.KindCount, []abi.ActionWhich{abi.ActionIsEnd}, "wants a whole answer"},
		{abi.OpEvents, stream, []abi.ActionWhich{abi.ActionIsRefresh}, "may not answer"},
		{abi.OpClassify, stream, []abi.ActionWhich{abi.ActionIsHint, abi.ActionIsRefresh}, ""},
		{abi.OpPrepareRequest, 0, []abi.ActionWhich{abi.ActionIsRequest}, ""},
		{abi.OpPrepareRequest, 0, []abi.ActionWhich{abi.ActionIsSend}, "may not answer"},
		{abi.OpIntercept, 0, []abi.ActionWhich{abi.ActionIsRequest}, ""},
		{abi.OpIntercept, 0, []abi.ActionWhich{abi.ActionIsOK}, "may not answer"},
		{abi.OpPostAuth, 0, []abi.ActionWhich{abi.ActionIsPatch}, ""},
		{abi.OpPostAuth, 0, []abi.ActionWhich{abi.ActionIsReject}, ""},
		{abi.OpPostAuth, 0, []abi.ActionWhich{abi.ActionIsFail}, "may not answer"},
		{abi.OpObserve, 0, []abi.ActionWhich{abi.ActionIsOK}, ""},
		{abi.OpObserve, 0, []abi.ActionWhich{abi.ActionIsSend}, "may not answer"},
		{abi.OpCancel, 0, []abi.ActionWhich{abi.ActionIsSend}, ""},
		{abi.OpCancel, 0, []abi.ActionWhich{abi.ActionIsOK}, ""},
		{abi.OpCancel, 0, []abi.ActionWhich{abi.ActionIsSleep}, "may not answer"},
		{abi.OpCloseSession, 0, []abi.ActionWhich{abi.ActionIsOK}, ""},
		{abi.OpCloseSession, 0, []abi.ActionWhich{abi.ActionIsSend}, "may not answer"},
		{abi.OpEvents, stream, []abi.ActionWhich{abi.ActionIsWait}, ""},
		{abi.OpEvents, stream, []abi.ActionWhich{abi.ActionIsPass}, ""},
		{abi.OpEvents, stream, []abi.ActionWhich{abi.ActionIsSend}, ""},
		{abi.OpEvents, stream, []abi.ActionWhich{abi.ActionIsReply}, "may not answer"},
		{abi.OpEvents, stream, []abi.ActionWhich{abi.ActionIsSleep}, "may not answer"},
		{abi.OpClassify, stream, []abi.ActionWhich{abi.ActionIsFail}, ""},
		{abi.OpClassify, stream, []abi.ActionWhich{abi.ActionIsSend}, "may not answer"},
		{abi.OpClassify, stream, []abi.ActionWhich{abi.ActionIsChunks, abi.ActionIsFail}, "may not answer"},
		{abi.OpModels, 0, []abi.ActionWhich{abi.ActionIsModels}, ""},
		{abi.OpModels, 0, []abi.ActionWhich{abi.ActionIsReply}, "may not answer"},
		{abi.OpModels, 0, []abi.ActionWhich{abi.ActionIsSleep}, "may not answer"},
		{abi.OpLogin, 0, []abi.ActionWhich{abi.ActionIsPrompt}, ""},
		{abi.OpLogin, 0, []abi.ActionWhich{abi.ActionIsPatch}, ""},
		{abi.OpLogin, 0, []abi.ActionWhich{abi.ActionIsSleep}, ""},
		{abi.OpLogin, 0, []abi.ActionWhich{abi.ActionIsReply}, "may not answer"},
		{abi.OpLogin, 0, []abi.ActionWhich{abi.ActionIsModels}, "may not answer"},
	} {
		list := &abi.ActionList{}
		for _, w := range c.actions {
			list.Actions = append(list.Actions, act(w))
		}
		got := checkActions(rules[c.op], c.kind, list)
		if (got == "") != (c.broken == "") || !strings.Contains(got, c.broken) {
			t.Errorf("%v %v %v: %q, want %q", c.op, c.kind, c.actions, got, c.broken)
		}
	}
	big := &abi.ActionList{Actions: []abi.Action{end}, State: make([]byte, abi.MaxState+1)}
	if got := checkActions(rules[abi.OpExecute], stream, big); !strings.Contains(got, "state") {
		t.Errorf("a long state: %q", got)
	}
}

// TestEveryActionHasARule: there is an op that every action may answer.
func TestEveryActionHasARule(t *testing.T) {
	known := map[abi.ActionWhich]bool{abi.ActionIsUnsupported: true, abi.ActionIsOK: true} // ok answers init
	for _, r := range rules {
		for _, w := range append(r.ends, r.beside...) {
			known[w] = true
		}
	}
	for w := abi.ActionIsChunks; w <= abi.ActionIsDrop; w++ {
		if !known[w] {
			t.Errorf("%v has no rule", w)
		}
	}
}
