package plugins

import (
	"context"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// Plugin is one loaded version of a plugin. It is safe for concurrent use.
type Plugin struct {
	host     *Host
	manifest *abi.Manifest
	sha      string
	guest    module
	secret   func(name string) string // a func, since what prints a Plugin prints its fields
	gate     gate
}

var _ abi.Guest = (*Plugin)(nil)

// Manifest returns the plugin's manifest, which nobody may change.
func (p *Plugin) Manifest() *abi.Manifest { return p.manifest }

// Secret returns the value of a secret field of the plugin's configuration, for
// whoever resolves references to it; empty when it has none. Nobody may print it
// or give it to a guest.
func (p *Plugin) Secret(name string) string { return p.secret(name) }

// SHA256 returns the hash of the plugin's file, in hex.
func (p *Plugin) SHA256() string { return p.sha }

// Call implements abi.Guest. A plugin in quarantine is not called: the error's
// fault is FaultClosed, and its detail says why.
func (p *Plugin) Call(ctx context.Context, op abi.Op, input, dst []byte) ([]byte, error) {
	right, refused := p.gate.enter(op)
	if refused != nil {
		return dst, refused
	}
	out, err := p.guest.Call(ctx, op, input, dst)
	p.gate.leave(right, op, err)
	return out, err
}

// Broke tells the plugin's host that an answer broke the contract, of which only
// who acts on answers can know. It counts as a fault of the plugin.
func (p *Plugin) Broke(call *abi.CallError) {
	if blames(call) {
		p.gate.broke(call)
	}
}

// Try puts a version on trial for a minute. When it faults more than it answers,
// it gets no more calls, and Options.Changed hears EventFailedTrial.
func (p *Plugin) Try() { p.gate.begin() }

// Lift ends a quarantine, or a trial that failed.
func (p *Plugin) Lift() { p.gate.lift() }

// Standing says whether the plugin may be called.
func (p *Plugin) Standing() Standing { return p.gate.standing() }

// Stats returns what the plugin has done and holds.
func (p *Plugin) Stats() direct.Stats { return p.guest.Stats() }

// Close refuses new calls, waits for the running ones and releases everything.
// When ctx ends first, running calls are stopped. It is idempotent; every
// caller returns when all is released.
func (p *Plugin) Close(ctx context.Context) error {
	err := p.guest.Close(ctx)
	p.host.forget(p)
	return err
}
