// Package plugins makes an abi.Guest of a plugin's file: it verifies the bytes
// against the lock, reads the manifest, compares what it asks for with what
// the operator granted and with what this host has, rewrites the module so
// that it pays for what it runs, compiles it, and runs its self-check.
//
// A module that cannot be run is refused with one line that says what is wrong
// with which file or plugin: a *RefusedError. Nothing of a refused module
// stays behind.
package plugins
