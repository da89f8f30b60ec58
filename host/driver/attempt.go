package driver

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/wire"
	"github.com/patchbay-dev/patchbay/host/wire/frame"
)

// stage is what an attempt does next.
type stage uint8

const (
	stageTodo   stage = iota // perform the terminal action in todo
	stagePass                // the answer goes to the client as it is
	stageEvents              // the answer goes to the guest, event by event
	stageReply               // the guest gave the whole answer
	stageModels              // the guest gave the models
	stageDone                // nothing more comes
)

// attempt is one run of the action loop: one execute, or one models. It
// belongs to one goroutine at a time.
type attempt struct {
	e      *Executor
	ctx    context.Context
	cancel context.CancelFunc
	auth   *auth.Auth
	op     abi.Op // what resume and classify continue
	kind   abi.Kind
	format wire.Format
	body   []byte
	info   *abi.Attempt

	state []byte // nil when the guest has none
	steps int
	bufs  *buffers
	stage stage
	// todo is the terminal action to perform, in answer to todoOp. It aliases
	// the guest's output and is good until the next call.
	todo   *abi.Action
	todoOp abi.Op
	// out is what is ready for the client of a stream, framed.
	out []byte

	answer   *answer
	splitter frame.Splitter
	framing  abi.Framing // that the send named
	step     string      // of the newest send
	unwraps  *unwrapping // nil without unwrap
	// inspecting: the guest is shown the beginning of an answer.
	inspecting bool
	answered   bool // the guest answered at least once
	held       held
	store      store
	// upstream is the error that classify was asked about.
	upstream *executor.UpstreamError

	shown  http.Header // of the answer, as the client may see them
	reply  []byte
	models []Model
	usage  *wire.Usage
	scrub  *scrubber
	tokens tokens
	// minting is the revision of the credential that derived tokens are made
	// from.
	minting uint64
	// slowDown: a token request of a login was answered with slow_down.
	slowDown bool
	free     bool
}

// buffers are reused from attempt to attempt.
type buffers struct{ in, out []byte }

// keepBuffer is the largest buffer that is kept for another attempt.
const keepBuffer = 256 << 10

var bufferPool = sync.Pool{New: func() any { return &buffers{} }}

// begin checks that the provider can serve the request and starts an attempt.
func (e *Executor) begin(ctx context.Context, a *auth.Auth, kind abi.Kind, req executor.Request, opts executor.Options) (*attempt, error) {
	name := req.Format
	if name == "" {
		name = e.provider.Formats[0]
	}
	if !slices.Contains(e.provider.Formats, name) {
		return nil, e.notSupported("the format " + name)
	}
	if opts.SourceFormat != "" && opts.SourceFormat != name {
		return nil, e.notSupported("translation from " + opts.SourceFormat + " to " + name)
	}
	if mode := modes[kind]; !slices.Contains(e.provider.Modes, mode) && (len(e.provider.Modes) > 0 || kind == abi.KindCount) {
		return nil, e.notSupported("the mode " + mode)
	}
	at, err := e.newAttempt(ctx, a, abi.OpExecute, kind)
	if err != nil {
		return nil, err
	}
	at.format, at.body = wire.Format(name), req.Payload
	at.info.Model, at.info.RequestedModel = req.Model, stringOf(opts.Metadata, executor.RequestedModelKey, req.Model)
	at.info.Format, at.info.Alt = name, opts.Alt
	at.info.SessionID = stringOf(opts.Metadata, executor.ExecutionSessionIDKey, "")
	at.bufs.in = abi.AppendMessage(at.bufs.in[:0], at.executeInput(opts))
	return at, nil
}

// modes are the kinds of attempt as manifests name them.
var modes = map[abi.Kind]string{abi.KindExecute: "execute", abi.KindStream: "stream", abi.KindCount: "count"}

func (e *Executor) newAttempt(ctx context.Context, a *auth.Auth, op abi.Op, kind abi.Kind) (*attempt, error) {
	if !e.active.enter() {
		return nil, executor.ErrRetired
	}
	cancel := context.CancelFunc(func() {})
	if kind == abi.KindStream { // it is closed by somebody who does not own ctx
		ctx, cancel = context.WithCancel(ctx)
	}
	at := &attempt{
		e: e, ctx: ctx, cancel: cancel, auth: a, op: op, kind: kind,
		bufs: bufferPool.Get().(*buffers),
		info: &abi.Attempt{
			ID: rand.Text()[:16], Kind: kind, Provider: e.provider.Key,
			Credential: e.visible(a), DeadlineMS: e.left(ctx), StartedMS: e.opts.Now().UnixMilli(),
		},
	}
	if e.mints && op != abi.OpRefresh && op != abi.OpLogin {
		at.mint()
	}
	return at, nil
}

// left returns the milliseconds until ctx's deadline, 0 when there is none.
func (e *Executor) left(ctx context.Context) uint64 {
	at, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return uint64(max(at.Sub(e.opts.Now()).Milliseconds(), 1))
}

// release lets go of everything that the attempt holds.
func (a *attempt) release() {
	if a.free {
		return
	}
	a.free = true
	a.closeAnswer()
	a.cancel()
	a.todo = nil
	a.park()
	a.e.active.leave()
}

// park gives the buffers of calls back while no call runs and nothing of the
// last one is to be done: a stream spends its life waiting for the upstream, and
// a thousand of them need as many buffers as calls run at a time.
func (a *attempt) park() {
	if a.bufs == nil || a.todo != nil {
		return
	}
	if cap(a.bufs.in) <= keepBuffer && cap(a.bufs.out) <= keepBuffer {
		bufferPool.Put(a.bufs)
	}
	a.bufs = nil
}

func (a *attempt) closeAnswer() {
	if a.answer != nil {
		a.answer.close()
		a.answer = nil
	}
}

// execute asks the guest what to do; the input was encoded by begin.
func (a *attempt) execute() error { return a.call(abi.OpExecute) }

// ask encodes the input of an op and calls the guest.
func (a *attempt) ask(op abi.Op, input abi.Message) error {
	if a.bufs == nil { // parked
		a.bufs = bufferPool.Get().(*buffers)
	}
	a.bufs.in = abi.AppendMessage(a.bufs.in[:0], input)
	return a.call(op)
}

// call asks the guest with the input in bufs, and takes in its answer.
func (a *attempt) call(op abi.Op) error {
	if op != abi.OpEvents {
		if a.steps++; a.steps > abi.MaxSteps {
			return a.brokenAt(op, "the attempt took more than %d steps", abi.MaxSteps)
		}
	}
	if len(a.bufs.in) > abi.MaxInput {
		return a.e.fault(&abi.CallError{Plugin: a.e.manifest.ID, Op: op, Fault: abi.FaultLimit, Detail: "the input is longer than 33 MiB"})
	}
	out, err := a.e.guest.Call(a.ctx, op, a.bufs.in, a.bufs.out[:0])
	if err != nil {
		return a.e.callError(a.ctx, op, err)
	}
	a.bufs.out, a.answered = out, true
	var list abi.ActionList
	if err := abi.DecodeStrict(out, &list); err != nil {
		return a.brokenAt(op, "%v", err)
	}
	return a.accept(op, &list)
}

// accept checks a list of actions, performs what needs nothing but memory, and
// leaves the rest in todo.
func (a *attempt) accept(op abi.Op, list *abi.ActionList) error {
	rule := checkActions(a.ruleFor(op), a.kind, list)
	if rule == "" {
		rule = a.checkFeatures(list)
	}
	if rule != "" {
		return a.brokenAt(op, "%s", rule)
	}
	if list.State != nil {
		a.state = append(a.state[:0], list.State...)
		if a.state == nil {
			a.state = []byte{}
		}
	}
	for i := range list.Actions {
		switch act := &list.Actions[i]; act.Which {
		case abi.ActionIsChunks:
			for _, p := range act.Chunks.Payloads {
				a.give(p, act.Chunks.Hold)
			}
		case abi.ActionIsAppend, abi.ActionIsFlush, abi.ActionIsDrop:
			if err := a.buffer(op, act); err != nil {
				return err
			}
		case abi.ActionIsUsage:
			a.noteUsage(act.Usage)
		case abi.ActionIsHint:
			a.noteHint(act.Hint)
		case abi.ActionIsWait:
			a.stage = stageEvents
		case abi.ActionIsPass:
			a.letGo()
			if !a.inspecting { // else all of it is read again
				a.out = append(a.out, a.splitter.Rest()...)
			}
			a.stage = stagePass
		case abi.ActionIsEnd:
			a.letGo()
			a.out = append(a.out, wire.StreamDone(a.format)...)
			a.stage = stageDone
		case abi.ActionIsReply:
			a.reply, a.shown = slices.Clone(act.Reply.Body), headersOf(act.Reply.Headers)
			a.stage = stageReply
		case abi.ActionIsOK:
			a.stage = stageDone
		case abi.ActionIsModels:
			models, err := modelsOf(act.Models)
			if err != nil {
				return a.brokenAt(op, "%v", err)
			}
			a.models, a.stage = models, stageModels
		default: // what perform does
			a.todo, a.todoOp, a.stage = act, op, stageTodo
		}
	}
	return nil
}

// perform does the terminal action in todo, which may call the guest again.
func (a *attempt) perform() error {
	act, op := a.todo, a.todoOp
	a.todo = nil
	switch act.Which {
	case abi.ActionIsSend:
		return a.send(op, act.Send)
	case abi.ActionIsSleep:
		return a.sleep(act.Sleep)
	case abi.ActionIsFail:
		var upstream *executor.UpstreamError
		if op == abi.OpClassify {
			upstream = a.upstream
		}
		return failure(act.Fail, upstream, a.scrubber().text, a.e.opts.Now())
	case abi.ActionIsRefresh:
		return a.renew(op)
	default: // unsupported; accept leaves nothing else
		return a.e.notSupported(strings.ToLower(strings.TrimPrefix(op.String(), "OP_")) + " " + tidy(strings.Clone(act.Unsupported.What)))
	}
}

// maxSleep is the longest sleep; the attempt's deadline is usually nearer.
const maxSleep = time.Hour

// sleep holds nothing of the guest while it waits.
func (a *attempt) sleep(s *abi.Sleep) error {
	a.letGo()
	d := abi.MinSleep
	if s.MS > uint64(abi.MinSleep/time.Millisecond) {
		d = min(milliseconds(s.MS), maxSleep)
	}
	step := strings.Clone(s.Step)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.ctx.Done():
		return a.ctx.Err()
	}
	return a.resume(step, &abi.ResumeInput{Which: abi.ResumeInputIsSleptMS, SleptMS: uint64(d / time.Millisecond)})
}

// resume tells the guest a result; in has only that.
func (a *attempt) resume(step string, in *abi.ResumeInput) error {
	in.Op, in.Step, in.State, in.Attempt = a.op, step, a.state, a.fresh()
	return a.ask(abi.OpResume, in)
}

// fresh is the attempt as a guest is told it now.
func (a *attempt) fresh() *abi.Attempt {
	a.info.DeadlineMS = a.e.left(a.ctx)
	return a.info
}

func (a *attempt) scrubber() *scrubber {
	if a.scrub == nil {
		a.scrub = newScrubber(a.e.manifest, a.auth)
		a.e.hideConfig(a.scrub)
	}
	return a.scrub
}

func (a *attempt) noteUsage(u *abi.Usage) {
	checked := wire.Usage{
		Input: u.InputTokens, Output: u.OutputTokens, CachedInput: u.CachedInputTokens,
		Reasoning: u.ReasoningTokens, Total: u.TotalTokens,
	}.Checked()
	a.usage = &checked
	a.notice(Notice{Usage: &checked})
}

func (a *attempt) noteHint(h *abi.Hint) {
	out := &Hint{Window: strings.Clone(h.Window)}
	if h.Remaining != nil {
		left := max(*h.Remaining, 0)
		out.Remaining = &left
	}
	if h.ResetAtMS > 0 {
		out.ResetAt = time.UnixMilli(h.ResetAtMS)
	}
	a.notice(Notice{Hint: out})
}

func (a *attempt) notice(n Notice) {
	if a.e.opts.OnNotice == nil {
		return
	}
	n.AuthID, n.Provider, n.Model = a.auth.ID, a.e.provider.Key, a.info.Model
	a.e.opts.OnNotice(n)
}

// broken is the error of a rule that the action being performed breaks.
func (a *attempt) broken(format string, args ...any) error {
	return a.brokenAt(a.todoOp, format, args...)
}

func (a *attempt) brokenAt(op abi.Op, format string, args ...any) error {
	return a.e.fault(&abi.CallError{Plugin: a.e.manifest.ID, Op: op, Fault: abi.FaultProtocol, Detail: fmt.Sprintf(format, args...)})
}

// requestFault is a client's body that cannot be worked on.
func requestFault(err error) error {
	return &auth.Error{Code: auth.CodeInvalidRequest, Message: err.Error(), HTTPStatus: auth.StatusOf(auth.CodeInvalidRequest)}
}

func stringOf(metadata map[string]any, key, otherwise string) string {
	if s, ok := metadata[key].(string); ok && s != "" {
		return s
	}
	return otherwise
}
