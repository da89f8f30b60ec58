package app

import (
	"errors"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// tolerate notes records of the store that cannot be read, each by name, and
// returns what else is wrong: one damaged record keeps nobody else from serving.
func (a *App) tolerate(err error) error {
	var rest []error
	for _, leaf := range leaves(err) {
		var corrupt *auth.CorruptError
		if !errors.As(leaf, &corrupt) {
			rest = append(rest, leaf)
			continue
		}
		for _, r := range corrupt.Records {
			subject := "record " + r.ID + " of " + corrupt.Bucket
			if a.problemOf(subject) == "" {
				a.log.Error("a record of the store cannot be read", "bucket", corrupt.Bucket, "id", r.ID, "reason", r.Reason)
			}
			a.problem(subject, r.Reason+"; add it anew, or restore the store from a backup")
		}
	}
	return errors.Join(rest...)
}

// leaves takes joined errors apart.
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, leaves(one)...)
	}
	return all
}
