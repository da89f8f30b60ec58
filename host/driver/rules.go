package driver

import (
	"slices"

	"github.com/patchbay-dev/patchbay/abi"
)

// rule is what a guest may answer to one op, in the order of contract section
// 2. Unsupported may answer any op.
type rule struct {
	// ends are the terminal actions, one of which must stand last.
	ends []abi.ActionWhich
	// beside are the others, which may stand before it.
	beside []abi.ActionWhich
}

// rules has a row for each op that this build calls. What resume may answer is
// in the row of the op that it continues. Refresh, which execute and classify
// may end with, is not in this build.
var rules = map[abi.Op]rule{
	abi.OpExecute: {
		ends:   []abi.ActionWhich{abi.ActionIsSend, abi.ActionIsSleep, abi.ActionIsReply, abi.ActionIsEnd, abi.ActionIsFail},
		beside: []abi.ActionWhich{abi.ActionIsChunks, abi.ActionIsUsage, abi.ActionIsHint},
	},
	abi.OpEvents: {
		ends:   []abi.ActionWhich{abi.ActionIsWait, abi.ActionIsPass, abi.ActionIsEnd, abi.ActionIsSend, abi.ActionIsFail},
		beside: []abi.ActionWhich{abi.ActionIsChunks, abi.ActionIsUsage, abi.ActionIsHint},
	},
	abi.OpClassify: {
		ends:   []abi.ActionWhich{abi.ActionIsFail},
		beside: []abi.ActionWhich{abi.ActionIsHint},
	},
	abi.OpModels: {
		ends: []abi.ActionWhich{abi.ActionIsModels, abi.ActionIsSend, abi.ActionIsFail},
	},
	abi.OpLogin: {
		ends: []abi.ActionWhich{abi.ActionIsPrompt, abi.ActionIsPatch, abi.ActionIsSend, abi.ActionIsSleep, abi.ActionIsFail},
	},
}

// unbuilt are actions of the contract that this build does not perform; a
// manifest that needs one is refused at load.
var unbuilt = []abi.ActionWhich{
	abi.ActionIsRefresh, abi.ActionIsRequest,
	abi.ActionIsReject, abi.ActionIsAppend, abi.ActionIsFlush, abi.ActionIsDrop,
}

// checkActions tells whether a list is a legal answer to op: exactly one
// terminal action, last, and nothing that the op or this build does not have.
// It returns the broken rule, empty when there is none.
func checkActions(op abi.Op, kind abi.Kind, list *abi.ActionList) string {
	r, ok := rules[op]
	if !ok {
		return "the op has no rule in this build of the host"
	}
	if len(list.Actions) == 0 {
		return "the list of actions is empty"
	}
	if len(list.State) > abi.MaxState {
		return "the state is longer than 16 KiB"
	}
	last := len(list.Actions) - 1
	for i := range list.Actions {
		which := list.Actions[i].Which
		ends := which == abi.ActionIsUnsupported || slices.Contains(r.ends, which)
		switch {
		case slices.Contains(unbuilt, which):
			return which.String() + " is not in this build of the host"
		case !ends && !slices.Contains(r.beside, which):
			return which.String() + " may not answer this op"
		case ends && i != last:
			return which.String() + " is terminal and not the last action"
		case !ends && i == last:
			return "the last action, " + which.String() + ", is not terminal"
		}
		if broken := checkKind(kind, &list.Actions[i]); broken != "" {
			return broken
		}
	}
	return ""
}

// checkKind holds what depends on the kind of attempt: chunks and end make a
// stream, reply makes a whole answer.
func checkKind(kind abi.Kind, a *abi.Action) string {
	switch a.Which {
	case abi.ActionIsChunks:
		if kind != abi.KindStream {
			return "chunks belong to a stream, and this attempt wants a whole answer"
		}
		if a.Chunks.Hold {
			return "chunks with hold are not in this build of the host"
		}
	case abi.ActionIsEnd:
		if kind != abi.KindStream {
			return "end belongs to a stream, and this attempt wants a whole answer"
		}
	case abi.ActionIsReply:
		if kind == abi.KindStream {
			return "reply is a whole answer, and this attempt wants a stream"
		}
	}
	return ""
}
