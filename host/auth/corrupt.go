package auth

import (
	"fmt"
	"strings"
)

// CorruptError says that some records of a store could not be read while the
// others could. Store.List returns it together with the good records, so that
// they can be served and the bad ones shown.
type CorruptError struct {
	// Store says where: the path of the store.
	Store string
	// Bucket is the kind of record.
	Bucket string
	// Records are the bad ones, by ascending ID.
	Records []CorruptRecord
}

// CorruptRecord is one record that could not be read.
type CorruptRecord struct {
	ID string
	// Reason is for people and holds no value of the record.
	Reason string
}

// Error names the store and every bad record.
func (e *CorruptError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d of %s cannot be read; the others are unharmed:", e.Store, len(e.Records), e.Bucket)
	for i, r := range e.Records {
		if i > 0 {
			b.WriteByte(';')
		}
		fmt.Fprintf(&b, " %q: %s", r.ID, r.Reason)
	}
	return b.String()
}

// IDs returns the ids of the bad records.
func (e *CorruptError) IDs() []string {
	ids := make([]string, len(e.Records))
	for i, r := range e.Records {
		ids[i] = r.ID
	}
	return ids
}
