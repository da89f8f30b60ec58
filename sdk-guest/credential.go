package guest

import "github.com/patchbay-dev/patchbay/abi"

// Patch is a change to a credential: fields to set and to remove, and where
// they are not nil its label and its model prefix. The host merges it, and
// refuses it when the credential changed meanwhile.
type Patch struct {
	Set    []Pair
	Delete []string
	Label  *string
	Prefix *string
}

// Patch ends Refresh, Login and PostAuth: the tokens that an exchange fetched
// are the host's already, so a patch of nothing is a usual end.
func (r *Request) Patch(p Patch) Answer {
	return Answer{abi.Action{Which: abi.ActionIsPatch, Patch: &abi.Patch{
		Revision: r.credential().Revision, Set: p.Set, Delete: p.Delete, Label: p.Label, Prefix: p.Prefix,
	}}}
}

// Reject ends PostAuth: the credential is not stored, and the person is told
// why.
func (r *Request) Reject(reason string) Answer {
	return Answer{abi.Action{Which: abi.ActionIsReject, Reject: &abi.Reject{Reason: truncate(reason, maxMessage)}}}
}

// Refresh ends Execute, its steps, and Classify: the host refreshes the
// credential, and then repeats this attempt once.
func (r *Request) Refresh() Answer {
	return Answer{abi.Action{Which: abi.ActionIsRefresh, Refresh: &abi.Refresh{}}}
}
