// Package soak lets many goroutines do everything at once to one manager, at
// random, and compares it with a model that is too simple to be wrong: a slice of
// what each credential is, in which one operation of a credential follows the
// other. While all run, no request may reach a credential that was out of reach
// since before it began. Now and then all rest, and then what the manager says of
// every credential must be what the model says, and turns must be fair.
package soak
