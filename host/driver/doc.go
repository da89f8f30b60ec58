// Package driver is the action loop: it turns an abi.Guest into the executor
// that the manager knows. It asks the guest, checks what the guest answers
// against the contract, performs it, and asks again. Natively linked providers
// and sandboxed ones take the same way.
//
// A guest never sees a secret and never reaches the network: the driver builds
// each request from parts, puts secrets only where a declared slot allows it,
// and sends it through the door (host/egress). Bytes that need no change go
// from the upstream to the client without a further call.
//
// What is the provider's doing comes back as *executor.UpstreamError; what is
// the plugin's as *PluginError; the caller's own end as the context's error.
package driver
