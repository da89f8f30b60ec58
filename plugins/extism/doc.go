// Package extism is the tier for guests that are written with an Extism PDK. It
// carries the contract's messages as JSON through one exported function,
// patchbay_call, and serves hooks, preparers, logins, refreshes and whole
// answers; a stream's events are for the direct tier, since a call here costs
// hundreds of times as much.
//
// Nothing of what the Extism SDK offers to guests is left on. The guest's
// imports from extism:host/env are given another home, where every function
// stops a call that may not go on, knows which blocks of the kernel's memory the
// guest was given, and lets it touch only those: the kernel itself is not
// metered, and a guest that could write into its lists could make it run for
// ever. HTTP and variables answer with a trap.
package extism
