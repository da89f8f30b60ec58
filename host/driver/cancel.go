package driver

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
)

const (
	// cancelTime is how long the guest, and the request that it asks for, may
	// take after an attempt was cut short.
	cancelTime = 5 * time.Second
	// maxCancels is how many of them run at once; a guest is not told of more.
	maxCancels = 32
)

// leave is release for an attempt that a guest was asked about: when the client
// left, or the deadline passed, the guest is told, if its manifest asks.
func (a *attempt) leave() {
	if cause := a.ctx.Err(); cause != nil && !a.free && a.stage != stageDone && a.answered && a.e.provider.Cancel {
		a.e.cancelled(a, cause)
	}
	a.release()
}

// cancelled runs op cancel behind the attempt's back. Drain waits for it.
func (e *Executor) cancelled(a *attempt, cause error) {
	reason := "client"
	if errors.Is(cause, context.DeadlineExceeded) {
		reason = "deadline"
	}
	select {
	case e.cancels <- struct{}{}:
	default:
		e.opts.Logger.Warn("a plugin is not told that an attempt was cut short: too many were", "plugin", e.manifest.ID, "provider", e.provider.Key)
		return
	}
	e.active.again()
	info := *a.info
	info.DeadlineMS = uint64(cancelTime / time.Millisecond)
	// What ctx carries goes along, such as the credential's transport; its end
	// does not.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), cancelTime)
	at := &attempt{
		e: e, ctx: ctx, cancel: cancel, auth: a.auth, op: abi.OpCancel, info: &info,
		bufs: bufferPool.Get().(*buffers), state: slices.Clone(a.state), step: a.step,
	}
	go func() {
		defer func() { <-e.cancels }()
		defer at.release()
		if err := at.tellCancelled(reason); err != nil {
			e.opts.Logger.Warn("a plugin that was told of a cut attempt failed", "plugin", e.manifest.ID, "provider", e.provider.Key, "error", err)
		}
	}()
}

// tellCancelled asks the guest, and makes the one request that it may want.
// Nobody looks at the answer.
func (a *attempt) tellCancelled(reason string) error {
	err := a.ask(abi.OpCancel, &abi.CancelInput{Attempt: a.info, Step: a.step, State: a.state, Reason: reason})
	if err != nil || a.stage != stageTodo {
		return err
	}
	act, op := a.todo, a.todoOp
	if act.Which != abi.ActionIsSend {
		return a.perform()
	}
	if rule := a.checkSend(act.Send); rule != "" {
		return a.brokenAt(op, "%s", rule)
	}
	o, err := a.build(act.Send.Request)
	if err != nil {
		return err
	}
	if err := a.exchange(o, a.idle(act.Send.IdleMS)); err != nil {
		return err
	}
	a.answer.drain()
	return nil
}
