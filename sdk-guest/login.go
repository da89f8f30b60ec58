package guest

import "github.com/patchbay-dev/patchbay/abi"

// LoginStep is where a login stands; see Provider.Login.
type LoginStep struct {
	// Phase is abi.LoginPhaseStart, LoginPhasePoll, LoginPhaseCallback or
	// LoginPhaseCancel.
	Phase abi.LoginPhase
	// SessionID names the login.
	SessionID string
	// Fields is what the person answered, or what the callback brought.
	Fields []Pair
	// RedirectURI is where a browser comes back to.
	RedirectURI string
}

// Field returns an answer of the person or a value of the callback.
func (l *LoginStep) Field(name string) string { return find(l.Fields, name) }

// Prompt asks the person who logs in; see Request.Prompt. Step is the label
// with which the next call comes.
type Prompt = abi.Prompt

// PromptField is one input of a Prompt.
type PromptField = abi.PromptField

// Prompt ends a call of Login and its steps.
func (r *Request) Prompt(p Prompt) Answer {
	p.Step = r.plugin.label(r.provider, p.Step)
	return Answer{abi.Action{Which: abi.ActionIsPrompt, Prompt: &p}}
}

func (p *Plugin) login(f *frame, input []byte) Answer {
	var in abi.LoginInput
	if err := abi.DecodeMessage(input, &in); err != nil {
		return broken(err.Error())
	}
	r := &f.request
	r.Op, r.state.wire = abi.OpLogin, in.State
	r.Attempt = abi.Attempt{Provider: in.Provider, Credential: in.Credential}
	r.Login = &LoginStep{Phase: in.Phase, SessionID: in.SessionID, Fields: in.Fields, RedirectURI: in.RedirectURI}
	if in.Step != "" {
		_, r.Step = p.owner(in.Step)
	}
	return p.serve(r, in.Provider, func(v *Provider) func(*Request) Answer { return v.Login })
}
