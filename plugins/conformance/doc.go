// Package conformance holds a guest, in whatever language it is written and
// however it is run, against the contract (abi/SPEC.md): legal answers to every
// op that it declares, the same bytes from an instance that has served before and
// from a fresh one, the same output however events are batched, no fault at
// hostile inputs, and the right output for recorded exchanges with its upstream.
//
// It performs no action and sends nothing: what an upstream would say is canned
// or recorded. `patchbay plugin test` runs it on a module; a test of a provider
// that is linked in runs it natively.
package conformance
