package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Where an Error comes from when it is not a file.
const (
	fromEnvironment = "environment"
	fromFlags       = "flags"
)

// Error is one thing that is wrong. Load joins several; errors.As finds the
// first, Errors finds all.
type Error struct {
	// File is the file as it was given, or "environment" or "flags".
	File string
	// Line and Column begin with 1; 0 means that there is none.
	Line, Column int
	// Key is the key, such as credentials[0].label, or the variable; empty when
	// it is about the file as a whole.
	Key string
	// Msg says what is wrong. It holds no value.
	Msg string
	// Suggestion is the nearest thing that is known; empty when nothing is near.
	Suggestion string
	// Err is the cause, such as one of package fs; nil mostly.
	Err error
}

// Error returns FILE:LINE: what is wrong: did you mean "that"?
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": " + e.Msg)
	if e.Suggestion != "" {
		fmt.Fprintf(&b, ": did you mean %q?", e.Suggestion)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errors returns every *Error in err, which Load returned, in order.
func Errors(err error) []*Error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Error
		for _, e := range joined.Unwrap() {
			all = append(all, Errors(e)...)
		}
		return all
	}
	var e *Error
	if errors.As(err, &e) {
		return []*Error{e}
	}
	return nil
}

// join orders errors as one reads: the file by line, then the others.
func join(all []*Error) error {
	slices.SortStableFunc(all, func(a, b *Error) int {
		return cmp.Or(
			cmp.Compare(rank(a.File), rank(b.File)),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Key, b.Key),
		)
	})
	errs := make([]error, len(all))
	for i, e := range all {
		errs[i] = e
	}
	return errors.Join(errs...)
}

func rank(file string) int {
	switch file {
	case fromEnvironment:
		return 1
	case fromFlags:
		return 2
	}
	return 0
}
