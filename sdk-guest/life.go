package guest

import "github.com/patchbay-dev/patchbay/abi"

// Done ends Cancel when there is nothing to send.
func (r *Request) Done() Answer { return accepted() }

func (p *Plugin) refresh(f *frame, input []byte) Answer {
	var in abi.RefreshInput
	if err := abi.DecodeMessage(input, &in); err != nil {
		return broken(err.Error())
	}
	r := &f.request
	r.Op, r.RefreshReason = abi.OpRefresh, in.Reason
	r.Attempt = abi.Attempt{Provider: in.Provider, Credential: in.Credential}
	return p.serve(r, in.Provider, func(v *Provider) func(*Request) Answer { return v.Refresh })
}

func (p *Plugin) cancel(f *frame, input []byte) Answer {
	var in abi.CancelInput
	if err := abi.DecodeMessage(input, &in); err != nil {
		return broken(err.Error())
	}
	r := &f.request
	r.Op, r.state.wire, r.CancelReason = abi.OpCancel, in.State, in.Reason
	r.setAttempt(in.Attempt)
	return p.serve(r, r.Attempt.Provider, func(v *Provider) func(*Request) Answer {
		_, r.Step = p.owner(in.Step)
		return v.Cancel
	})
}

// closeSession tells every provider that has sessions: the message names none.
func (p *Plugin) closeSession(input []byte) Answer {
	var in abi.CloseSessionInput
	if err := abi.DecodeMessage(input, &in); err != nil {
		return broken(err.Error())
	}
	closed := false
	for i := range p.providers {
		if end := p.providers[i].CloseSession; end != nil {
			end(in.SessionID, in.All)
			closed = true
		}
	}
	if !closed {
		return unsupported(abi.OpCloseSession.String())
	}
	return accepted()
}
