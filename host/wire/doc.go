// Package wire knows the formats that clients and providers speak: what a
// request body says about itself, how a stream is framed, how an error looks,
// where usage stands. Every function is pure. A format is a name from the
// registry in abi/SPEC.md; the framers are in wire/frame.
package wire
