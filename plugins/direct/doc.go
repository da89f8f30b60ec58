// Package direct is the pointer/length tier: it runs a module that exports
// patchbay_abi_1 on wazero and makes an abi.Guest of it.
//
// A Runtime compiles. A Module is one loaded version of a plugin: a bounded
// pool of instances, each leased to one call at a time, from before its input
// is written until its output is copied. Whatever goes wrong in a call
// discards the instance, since nothing is known of a guest that was cut short.
//
// A running guest cannot be interrupted from outside: Go does not preempt
// compiled WebAssembly. The modules given to this package are rewritten
// (plugins/meter) to call the yield import when a slice of fuel is used up;
// there, and in every other import, a call's deadline and cancellation are
// seen. So a call needs no goroutine, no timer and no derived context, and an
// empty one allocates nothing on the host.
package direct
