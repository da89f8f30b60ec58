// Package schedule is the index of what can be picked right now: for every
// provider, model and priority a lane, and in it one bit a credential that is
// the whole truth about it ("listed here and not blocked"). A pick is a bit
// scan, so it costs the same among ten credentials and among a hundred
// thousand, and it allocates nothing.
//
// The package knows no credentials: a member is an id, a provider, a priority,
// the models it sits at, and a value that a pick gives back. Whoever owns the
// truth tells the index of each change, in order; the index is never asked what
// the truth is. Time is always an argument.
package schedule
