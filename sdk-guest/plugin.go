package guest

import (
	"strings"
	"sync/atomic"
)

// Provider is one provider, as functions of what the host tells it. A function
// that is nil is not offered. Natively they are called from many goroutines at
// once.
type Provider struct {
	// Key is the provider's key in the manifest and on credentials.
	Key string
	// Execute starts an attempt to serve a client's request.
	Execute func(*Request) Answer
	// Models starts to tell which models a credential may use.
	Models func(*Request) Answer
	// Steps go on, by the label that was given to Send.Whole or Sleep.
	Steps map[string]func(*Request) Answer
	// Events maps a batch of events of a send that ended with Send.Events. Its
	// output must not depend on how events are batched.
	Events func(*Batch) Answer
	// Classify says what an upstream error means, for sends with
	// Send.Classify. When nil, Request.FailUpstream answers.
	Classify func(*Request) Answer
	// Refresh starts to fetch new tokens; Request.RefreshReason says why.
	Refresh func(*Request) Answer
	// Login starts, goes on with, or ends a login; Request.Login says where it
	// stands.
	Login func(*Request) Answer
	// PrepareRequest puts credentials on Request.Outgoing and ends with
	// Send.Ready.
	PrepareRequest func(*Request) Answer
	// Cancel is told that the client of an attempt is gone. It ends with a
	// send whose answer nobody reads, or with Request.Done.
	Cancel func(*Request) Answer
	// CloseSession is told that an execution session ended, or with all that
	// every one did.
	CloseSession func(id string, all bool)
	// Init checks the plugin's configuration when an instance starts. The
	// operator is told of its error and the plugin is not loaded.
	Init func(*Setup) error
}

// Plugin is the providers and hooks of one module.
type Plugin struct {
	providers []Provider
	hooks     *Hooks
	setup     atomic.Pointer[Setup]
}

// registered is what the module's exports call. It is written by Register
// only, before the first call.
var registered Plugin

// Register adds providers to the module. Call it from a package-level var or
// from init, since main is not run. It panics, and so the module is refused,
// when a key is empty, has a slash or is registered twice.
func Register(providers ...Provider) *Plugin {
	registered.add(providers)
	return &registered
}

func (p *Plugin) add(providers []Provider) {
	for _, provider := range providers {
		if provider.Key == "" || strings.Contains(provider.Key, "/") {
			panic("guest: a provider's key is empty or has a slash: " + provider.Key)
		}
		if p.provider(provider.Key) != nil {
			panic("guest: provider " + provider.Key + " is registered twice")
		}
		p.providers = append(p.providers, provider)
	}
}

func (p *Plugin) provider(key string) *Provider {
	for i := range p.providers {
		if p.providers[i].Key == key {
			return &p.providers[i]
		}
	}
	return nil
}

// label is the step as the host carries it. Op events does not say which
// provider it is for, so where there are several the step says it.
func (p *Plugin) label(provider *Provider, step string) string {
	if len(p.providers) == 1 || provider == nil {
		return step
	}
	return provider.Key + "/" + step
}

// owner undoes label. It returns nil when no provider made the label.
func (p *Plugin) owner(label string) (provider *Provider, step string) {
	if len(p.providers) == 1 {
		return &p.providers[0], label
	}
	key, step, _ := strings.Cut(label, "/")
	return p.provider(key), step
}
