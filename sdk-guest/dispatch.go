package guest

import "github.com/patchbay-dev/patchbay/abi"

// frame is the memory of one call. Whoever runs calls one after another uses
// one frame again and again.
type frame struct {
	request Request
	batch   Batch

	execute  abi.ExecuteInput
	events   abi.EventsInput
	resume   abi.ResumeInput
	classify abi.ClassifyInput
	models   abi.ModelsInput

	list  abi.ActionList
	state []byte
}

// run performs one op and appends the encoded actions to dst. It keeps nothing
// of input.
func (p *Plugin) run(f *frame, op abi.Op, input, dst []byte) []byte {
	c, answer := &f.request.call, Answer{}
	switch op {
	case abi.OpInit:
		answer = p.init(input)
	case abi.OpEvents:
		c, answer = &f.batch.call, p.events(f, input)
	case abi.OpExecute:
		answer = p.execute(f, input)
	case abi.OpResume:
		answer = p.resume(f, input)
	case abi.OpClassify:
		answer = p.classify(f, input)
	case abi.OpModels:
		answer = p.models(f, input)
	case abi.OpRefresh:
		answer = p.refresh(f, input)
	case abi.OpLogin:
		answer = p.login(f, input)
	case abi.OpPrepareRequest:
		answer = p.prepareRequest(f, input)
	case abi.OpIntercept:
		answer = p.intercept(f, input)
	case abi.OpPostAuth:
		answer = p.postAuth(f, input)
	case abi.OpObserve:
		answer = p.observe(input)
	case abi.OpCancel:
		answer = p.cancel(f, input)
	case abi.OpCloseSession:
		answer = p.closeSession(input)
	default:
		answer = unsupported(op.String())
	}
	if answer.action.Which == 0 {
		answer = broken("the plugin gave no answer to " + op.String())
	}
	dst = f.encode(c, answer, dst)
	f.release(op)
	return dst
}

func (f *frame) encode(c *call, answer Answer, dst []byte) []byte {
	c.actions = append(c.actions, answer.action)
	f.list = abi.ActionList{Actions: c.actions}
	if c.state.changed {
		f.state = c.state.append(f.state[:0])
		f.list.State = f.state[:len(f.state):len(f.state)]
		if f.list.State == nil {
			f.list.State = []byte{}
		}
	}
	return abi.AppendMessage(dst, &f.list)
}

// release drops every reference to the input, and keeps the memory that was
// made beside it. Events come most often, and are spared the rest.
func (f *frame) release(op abi.Op) {
	f.list = abi.ActionList{}
	if op == abi.OpEvents {
		f.batch.call.reset()
		f.batch.Step, f.batch.Events, f.events = "", nil, abi.EventsInput{}
		return
	}
	f.request.call.reset()
	*f = frame{request: Request{call: f.request.call}, batch: f.batch, state: f.state}
}

func (p *Plugin) init(input []byte) Answer {
	var in abi.InitInput
	if err := abi.DecodeMessage(input, &in); err != nil {
		return broken(err.Error())
	}
	if in.ABI != abi.Version {
		return broken("the host does not speak version 1 of the contract")
	}
	setup := newSetup(&in)
	for i := range p.providers {
		check := p.providers[i].Init
		if check == nil {
			continue
		}
		if err := check(setup); err != nil {
			return failed(&Fail{Code: CodeBadRequest, Message: truncate(err.Error(), maxMessage)})
		}
	}
	p.setup.Store(setup)
	return accepted()
}

// begin makes c the call of a provider. It returns false when there is none.
func (p *Plugin) begin(c *call, provider *Provider, state []byte) bool {
	c.plugin, c.provider, c.setup = p, provider, p.setup.Load()
	if c.setup == nil {
		c.setup = &noSetup
	}
	c.state.wire = state
	return provider != nil
}

// serve answers with do, if the provider has it.
func (p *Plugin) serve(r *Request, key string, do func(*Provider) func(*Request) Answer) Answer {
	provider := p.provider(key)
	if provider == nil {
		return broken("the plugin has no provider " + key)
	}
	p.begin(&r.call, provider, r.state.wire)
	handle := do(provider)
	if handle == nil {
		return unsupported(r.Op.String())
	}
	return handle(r)
}

func (p *Plugin) execute(f *frame, input []byte) Answer {
	in, r := &f.execute, &f.request
	if err := abi.DecodeMessage(input, in); err != nil {
		return broken(err.Error())
	}
	r.Op, r.Headers, r.Query = abi.OpExecute, in.Headers, in.Query
	r.setAttempt(in.Attempt)
	if in.Body != nil {
		r.Body, r.BodySize = in.Body.Bytes, in.Body.Size
	}
	return p.serve(r, r.Attempt.Provider, func(v *Provider) func(*Request) Answer { return v.Execute })
}

func (p *Plugin) models(f *frame, input []byte) Answer {
	in, r := &f.models, &f.request
	if err := abi.DecodeMessage(input, in); err != nil {
		return broken(err.Error())
	}
	r.Op = abi.OpModels
	r.Attempt = abi.Attempt{Provider: in.Provider, Credential: in.Credential}
	return p.serve(r, in.Provider, func(v *Provider) func(*Request) Answer { return v.Models })
}

func (p *Plugin) resume(f *frame, input []byte) Answer {
	in, r := &f.resume, &f.request
	if err := abi.DecodeMessage(input, in); err != nil {
		return broken(err.Error())
	}
	r.Op, r.state.wire = in.Op, in.State
	r.setAttempt(in.Attempt)
	switch in.Which {
	case abi.ResumeInputIsResponse:
		r.Response = newResponse(in.Response)
	case abi.ResumeInputIsExchange:
		r.Exchange = in.Exchange
	case abi.ResumeInputIsFailure:
		r.Failure = in.Failure
	}
	return p.serve(r, r.Attempt.Provider, func(v *Provider) func(*Request) Answer {
		_, r.Step = p.owner(in.Step)
		if r.Step == stepOpenAIModels {
			return (*Request).openAIModels
		}
		if step := v.Steps[r.Step]; step != nil {
			return step
		}
		return func(*Request) Answer { return broken("the provider has no step " + r.Step) }
	})
}

func (p *Plugin) classify(f *frame, input []byte) Answer {
	in, r := &f.classify, &f.request
	if err := abi.DecodeMessage(input, in); err != nil {
		return broken(err.Error())
	}
	r.Op, r.state.wire, r.Response = in.Op, in.State, newResponse(in.Response)
	r.setAttempt(in.Attempt)
	return p.serve(r, r.Attempt.Provider, func(v *Provider) func(*Request) Answer {
		if _, r.Step = p.owner(in.Step); v.Classify == nil {
			return (*Request).FailUpstream
		}
		return v.Classify
	})
}

func (p *Plugin) events(f *frame, input []byte) Answer {
	in, b := &f.events, &f.batch
	if err := abi.DecodeMessage(input, in); err != nil {
		return broken(err.Error())
	}
	provider, step := p.owner(in.Step)
	if !p.begin(&b.call, provider, in.State) {
		return broken("no provider has the step " + in.Step)
	}
	if provider.Events == nil {
		return unsupported(abi.OpEvents.String())
	}
	b.Step, b.Events, b.EOF = step, in.Events, in.EOF
	return provider.Events(b)
}

func (r *Request) setAttempt(in *abi.Attempt) {
	if in != nil {
		r.Attempt = *in
	}
}

func unsupported(what string) Answer {
	return Answer{abi.Action{Which: abi.ActionIsUnsupported, Unsupported: &abi.Unsupported{What: what}}}
}

// broken fails a call for a reason that neither the client nor the upstream
// is to blame for.
func broken(why string) Answer {
	return failed(&Fail{Code: CodeTransient, Message: truncate("plugin: "+why, maxMessage), Retryable: true})
}
