// Package abi is the contract between a Patchbay host and a guest: the
// messages and their two encodings, the manifest, the limits, the errors and
// the Guest interface. It imports nothing of ours, so that both sides, and
// authors outside this repository, can stand on it.
//
// SPEC.md beside this file says what every message means; patchbay.proto is
// the single source of the messages; vectors holds golden encodings.
package abi

//go:generate go run ./gen -in patchbay.proto -out .

// Version is the ABI that this package speaks. A module names it by exporting
// patchbay_abi_1.
const Version = 1
