// Package builtin is the room of the first-party providers, one package each.
// They use the SDK that everybody's plugins use, and run linked into the
// binary or compiled to a module with the same bytes.
package builtin
