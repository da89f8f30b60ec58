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
	guest    *direct.Module
}

var _ abi.Guest = (*Plugin)(nil)

// Manifest returns the plugin's manifest, which nobody may change.
func (p *Plugin) Manifest() *abi.Manifest { return p.manifest }

// SHA256 returns the hash of the plugin's file, in hex.
func (p *Plugin) SHA256() string { return p.sha }

// Call implements abi.Guest.
func (p *Plugin) Call(ctx context.Context, op abi.Op, input, dst []byte) ([]byte, error) {
	return p.guest.Call(ctx, op, input, dst)
}

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
