package conformance

import (
	"slices"

	"github.com/patchbay-dev/patchbay/abi"
)

type set = []abi.ActionWhich

// ends lists the terminal actions of each op, as SPEC.md has them. Unsupported
// may end any.
var ends = map[abi.Op]set{
	abi.OpExecute:        {abi.ActionIsSend, abi.ActionIsSleep, abi.ActionIsRefresh, abi.ActionIsReply, abi.ActionIsEnd, abi.ActionIsFail},
	abi.OpEvents:         {abi.ActionIsWait, abi.ActionIsPass, abi.ActionIsEnd, abi.ActionIsSend, abi.ActionIsFail},
	abi.OpClassify:       {abi.ActionIsFail, abi.ActionIsRefresh},
	abi.OpModels:         {abi.ActionIsModels, abi.ActionIsSend, abi.ActionIsFail},
	abi.OpRefresh:        {abi.ActionIsPatch, abi.ActionIsSend, abi.ActionIsSleep, abi.ActionIsFail},
	abi.OpLogin:          {abi.ActionIsPrompt, abi.ActionIsPatch, abi.ActionIsSend, abi.ActionIsSleep, abi.ActionIsFail},
	abi.OpPrepareRequest: {abi.ActionIsRequest, abi.ActionIsFail},
	abi.OpIntercept:      {abi.ActionIsRequest, abi.ActionIsFail},
	abi.OpPostAuth:       {abi.ActionIsPatch, abi.ActionIsReject},
	abi.OpObserve:        {abi.ActionIsOK},
	abi.OpCancel:         {abi.ActionIsSend, abi.ActionIsOK},
	abi.OpCloseSession:   {abi.ActionIsOK},
}

// beside are the actions that are not terminal.
var beside = set{abi.ActionIsChunks, abi.ActionIsAppend, abi.ActionIsFlush, abi.ActionIsDrop, abi.ActionIsHint, abi.ActionIsUsage}

// anyOp stands for an op that was not asked for in earnest: whatever ends an op
// ends it.
const anyOp = abi.OpUnspecified

// legal returns the rule that an answer breaks, empty when there is none.
func legal(op abi.Op, kind abi.Kind, list *abi.ActionList) string {
	if len(list.State) > abi.MaxState {
		return "the state is longer than 16 KiB"
	}
	if len(list.Actions) == 0 {
		return "the list of actions is empty"
	}
	last := len(list.Actions) - 1
	for i := range list.Actions {
		which := list.Actions[i].Which
		terminal := !slices.Contains(beside, which)
		switch {
		case terminal && i != last:
			return which.String() + " is terminal and not the last action"
		case !terminal && i == last:
			return "the last action, " + which.String() + ", is not terminal"
		case terminal && !mayEnd(op, which):
			return which.String() + " may not end this op"
		case which == abi.ActionIsChunks && kind == abi.KindExecute, which == abi.ActionIsEnd && kind == abi.KindExecute:
			return which.String() + " belongs to a stream, and a whole answer is wanted"
		case which == abi.ActionIsReply && kind == abi.KindStream:
			return "reply is a whole answer, and a stream is wanted"
		}
	}
	return ""
}

func mayEnd(op abi.Op, which abi.ActionWhich) bool {
	return op == anyOp || which == abi.ActionIsUnsupported || slices.Contains(ends[op], which)
}

// last is the terminal action of a legal list.
func last(list *abi.ActionList) *abi.Action { return &list.Actions[len(list.Actions)-1] }
