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
// in the row of the op that it continues.
var rules = map[abi.Op]*rule{
	abi.OpExecute: {
		ends:   []abi.ActionWhich{abi.ActionIsSend, abi.ActionIsSleep, abi.ActionIsRefresh, abi.ActionIsReply, abi.ActionIsEnd, abi.ActionIsFail},
		beside: output,
	},
	abi.OpEvents: {
		ends:   []abi.ActionWhich{abi.ActionIsWait, abi.ActionIsPass, abi.ActionIsEnd, abi.ActionIsSend, abi.ActionIsFail},
		beside: output,
	},
	abi.OpClassify: {
		ends:   []abi.ActionWhich{abi.ActionIsFail, abi.ActionIsRefresh},
		beside: []abi.ActionWhich{abi.ActionIsHint},
	},
	abi.OpModels: {
		ends: []abi.ActionWhich{abi.ActionIsModels, abi.ActionIsSend, abi.ActionIsFail},
	},
	abi.OpRefresh: {
		ends: []abi.ActionWhich{abi.ActionIsPatch, abi.ActionIsSend, abi.ActionIsSleep, abi.ActionIsFail},
	},
	abi.OpPrepareRequest: {
		ends: []abi.ActionWhich{abi.ActionIsRequest, abi.ActionIsFail},
	},
	abi.OpIntercept: {
		ends: []abi.ActionWhich{abi.ActionIsRequest, abi.ActionIsFail},
	},
	abi.OpPostAuth: {
		ends: []abi.ActionWhich{abi.ActionIsPatch, abi.ActionIsReject},
	},
	abi.OpObserve: {
		ends: []abi.ActionWhich{abi.ActionIsOK},
	},
	abi.OpCancel: {
		ends: []abi.ActionWhich{abi.ActionIsSend, abi.ActionIsOK},
	},
	abi.OpCloseSession: {
		ends: []abi.ActionWhich{abi.ActionIsOK},
	},
	abi.OpLogin: {
		ends: []abi.ActionWhich{abi.ActionIsPrompt, abi.ActionIsPatch, abi.ActionIsSend, abi.ActionIsSleep, abi.ActionIsFail},
	},
}

// output is what may stand before the end of an answer that serves a client.
var output = []abi.ActionWhich{
	abi.ActionIsChunks, abi.ActionIsUsage, abi.ActionIsHint,
	abi.ActionIsAppend, abi.ActionIsFlush, abi.ActionIsDrop,
}

// Answers to an inspection: of the first events of a stream, and of a whole
// answer. Nothing may reach the client before it is over.
var (
	inspectedEvents = rule{
		ends:   []abi.ActionWhich{abi.ActionIsPass, abi.ActionIsSend, abi.ActionIsFail},
		beside: []abi.ActionWhich{abi.ActionIsUsage, abi.ActionIsHint},
	}
	inspectedAnswer = rule{
		ends:   []abi.ActionWhich{abi.ActionIsPass, abi.ActionIsSend, abi.ActionIsSleep, abi.ActionIsRefresh, abi.ActionIsReply, abi.ActionIsFail},
		beside: []abi.ActionWhich{abi.ActionIsUsage, abi.ActionIsHint},
	}
)

// ruleFor is the rule that an answer to op is held to now.
func (a *attempt) ruleFor(op abi.Op) *rule {
	switch {
	case a.inspecting && op == abi.OpEvents:
		return &inspectedEvents
	case a.inspecting && op == abi.OpResume:
		return &inspectedAnswer
	case op == abi.OpResume:
		return rules[a.op]
	}
	return rules[op]
}

// checkFeatures returns which feature a list uses that the manifest does not
// require, empty when there is none: it was not negotiated.
func (a *attempt) checkFeatures(list *abi.ActionList) string {
	for i := range list.Actions {
		switch act := &list.Actions[i]; act.Which {
		case abi.ActionIsChunks:
			if act.Chunks.Hold && !a.e.requires(abi.FeatureHold) {
				return unrequired("chunks with hold", abi.FeatureHold)
			}
		case abi.ActionIsAppend, abi.ActionIsFlush, abi.ActionIsDrop:
			if !a.e.requires(abi.FeatureBuffers) {
				return unrequired(act.Which.String(), abi.FeatureBuffers)
			}
		case abi.ActionIsRefresh:
			if !a.e.provider.Refresh {
				return "refresh answers, and the manifest does not say that the provider has it"
			}
		}
	}
	return ""
}

func unrequired(what, feature string) string {
	return what + " needs the feature " + feature + ", which the manifest does not require"
}

// requires reports whether the manifest requires a feature.
func (e *Executor) requires(feature string) bool {
	return slices.Contains(e.manifest.Requires, feature)
}

// checkActions tells whether a list is a legal answer to op: exactly one
// terminal action, last, and nothing that the op does not have. It returns the
// broken rule, empty when there is none.
func checkActions(r *rule, kind abi.Kind, list *abi.ActionList) string {
	if r == nil {
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
	case abi.ActionIsFlush:
		if kind != abi.KindStream {
			return "flush makes a chunk of a stream, and this attempt wants a whole answer"
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
