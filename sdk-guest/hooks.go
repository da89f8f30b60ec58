package guest

import "github.com/patchbay-dev/patchbay/abi"

// Hooks are what a plugin does beside providers, or instead of them. A function
// that is nil is not offered; the manifest says which are there.
type Hooks struct {
	// Intercept sees another provider's outgoing request, Request.Outgoing, and
	// ends with Send.Ready or Fail. It needs a preparer in the manifest.
	Intercept func(*Request) Answer
	// PostAuth sees a new credential before it is stored and ends with
	// Request.Patch or Request.Reject. An empty patch accepts it as it is.
	PostAuth func(*Request) Answer
	// Observe is told what happened. Nothing waits for it.
	Observe func(*Observed)
}

// Observed is a batch of what happened, in order.
type Observed struct {
	call
	// Sequence numbers the batches from 1. Dropped is how many observations
	// were lost before this batch, since the plugin was too slow for them.
	Sequence, Dropped uint64
	Observations      []Observation
}

// RegisterHooks adds hooks to the module; see Register. It panics when there
// are hooks already: one module has one set of them.
func RegisterHooks(h Hooks) *Plugin {
	registered.addHooks(h)
	return &registered
}

func (p *Plugin) addHooks(h Hooks) {
	if p.hooks != nil {
		panic("guest: hooks are registered twice")
	}
	p.hooks = &h
}

// hook answers with do, if the plugin has it.
func (p *Plugin) hook(r *Request, do func(*Hooks) func(*Request) Answer) Answer {
	// A hook has no provider; steps and labels are a provider's.
	p.begin(&r.call, nil, nil)
	if p.hooks != nil {
		if handle := do(p.hooks); handle != nil {
			return handle(r)
		}
	}
	return unsupported(r.Op.String())
}

func (p *Plugin) intercept(f *frame, input []byte) Answer {
	var in abi.InterceptInput
	if err := abi.DecodeMessage(input, &in); err != nil {
		return broken(err.Error())
	}
	r := &f.request
	r.Op, r.outgoing = abi.OpIntercept, in.Request
	r.Attempt = abi.Attempt{Provider: in.Provider, Credential: in.Credential, Model: in.Model}
	return p.hook(r, func(h *Hooks) func(*Request) Answer { return h.Intercept })
}

func (p *Plugin) postAuth(f *frame, input []byte) Answer {
	var in abi.PostAuthInput
	if err := abi.DecodeMessage(input, &in); err != nil {
		return broken(err.Error())
	}
	r := &f.request
	r.Op, r.Origin = abi.OpPostAuth, in.Origin
	r.Attempt = abi.Attempt{Provider: in.Provider, Credential: in.Credential}
	if in.Info != nil {
		r.Headers, r.Query = in.Info.Headers, in.Info.Query
	}
	return p.hook(r, func(h *Hooks) func(*Request) Answer { return h.PostAuth })
}

func (p *Plugin) observe(input []byte) Answer {
	var in abi.ObserveInput
	if err := abi.DecodeMessage(input, &in); err != nil {
		return broken(err.Error())
	}
	if p.hooks == nil || p.hooks.Observe == nil {
		return unsupported(abi.OpObserve.String())
	}
	o := Observed{Sequence: in.Sequence, Dropped: in.Dropped, Observations: in.Observations}
	p.begin(&o.call, nil, nil)
	p.hooks.Observe(&o)
	return accepted()
}

func accepted() Answer { return Answer{abi.Action{Which: abi.ActionIsOK, OK: &abi.Ok{}}} }
