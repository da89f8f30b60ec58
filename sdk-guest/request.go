package guest

import (
	"slices"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
)

// Request is one call of the host for an attempt, other than events. It, and
// what it holds, is valid until the function that got it returns.
type Request struct {
	call
	// Op is what the call belongs to, such as abi.OpExecute.
	Op abi.Op
	// Step is the label of the send or sleep that this call goes on from.
	Step string
	// Attempt is what the attempt is for. Where no client's request is served
	// only Provider and Credential are set.
	Attempt abi.Attempt
	// Body is the client's body, for Execute, and only if the manifest says
	// body: bytes. BodySize is always its size.
	Body     []byte
	BodySize uint64
	// Headers are the client's headers that the manifest names, Query its query
	// pairs; both for Execute. For PostAuth they are those of the login.
	Headers []Pair
	Query   []Pair
	// Response is the upstream's answer, for the step after Send.Whole and for
	// Classify. Its status is 0 when there was none.
	Response Response
	// Failure is set when the send before this step had no answer.
	Failure *Fail
	// Exchange is what is told of a token request, for the step after
	// Send.Exchange. It is nil otherwise.
	Exchange *ExchangeResult
	// Login is set for Login and its steps.
	Login *LoginStep
	// RefreshReason is set for Refresh, CancelReason (client or deadline) for
	// Cancel, Origin (login, api or cli) for PostAuth.
	RefreshReason abi.RefreshReason
	CancelReason  string
	Origin        string

	outgoing *abi.Request
}

// Model is the name by which the provider knows the model.
func (r *Request) Model() string { return r.Attempt.Model }

// Streams reports whether the client asked for a stream.
func (r *Request) Streams() bool { return r.Attempt.Kind == abi.KindStream }

// Field returns a public or destination field of the credential, "" when it
// has no value.
func (r *Request) Field(name string) string { return find(r.credential().Fields, name) }

// HasSecret reports whether a secret field of the credential has a value.
func (r *Request) HasSecret(name string) bool { return slices.Contains(r.credential().Secrets, name) }

func (r *Request) credential() *abi.Credential {
	if r.Attempt.Credential == nil {
		return &abi.Credential{}
	}
	return r.Attempt.Credential
}

// Reply ends an attempt without a stream: body is the whole answer, in the
// attempt's format.
func (r *Request) Reply(body []byte, headers ...Pair) Answer {
	return Answer{abi.Action{Which: abi.ActionIsReply, Reply: &abi.Reply{Body: body, Headers: headers}}}
}

// Models answers Provider.Models.
func (r *Request) Models(models ...Model) Answer {
	return Answer{abi.Action{Which: abi.ActionIsModels, Models: &abi.Models{Models: models}}}
}

// Sleep asks to go on after a time, at least 100 ms, with a step of
// Provider.Steps.
func (r *Request) Sleep(d time.Duration, step string) Answer {
	ms := uint64(max(d, abi.MinSleep).Milliseconds())
	step = r.plugin.label(r.provider, step)
	return Answer{abi.Action{Which: abi.ActionIsSleep, Sleep: &abi.Sleep{MS: ms, Step: step}}}
}

// find returns the value of the first pair with a name, letters compared
// without their case.
func find(pairs []Pair, name string) string {
	for _, p := range pairs {
		if strings.EqualFold(p.Name, name) {
			return p.Value
		}
	}
	return ""
}
