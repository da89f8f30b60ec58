package boltstore

import "io"

// Seams are where a test breaks the disk or ends the process. The zero value
// breaks nothing, and is what a server has.
type Seams struct {
	// At is asked at each point of a write, with what writes (such as Commit)
	// and the point. An error is taken for the disk's at that place.
	At func(op string, point Point) error
	// Journal stands before the journal's file.
	Journal func(JournalFile) JournalFile
}

// Point is a place in a write, in the order of the constants.
type Point string

// The points of a write.
const (
	// BeforeJournal: nothing has been written.
	BeforeJournal Point = "before-journal"
	// JournalWritten: the journal's entry is written and not fsynced.
	JournalWritten Point = "journal-written"
	// JournalSynced: the journal's entry is durable, the file knows nothing of it.
	// An error here is one of bbolt's commit that changed nothing.
	JournalSynced Point = "journal-synced"
	// Committed: both are durable. An error here is one of bbolt's commit of which
	// nobody knows what it changed.
	Committed Point = "committed"
)

// The writes that a refresh makes; see auth.RefreshStore.
const (
	OpBegin   = "begin"
	OpCommit  = "commit"
	OpConfirm = "confirm"
	OpAbort   = "abort"
	// opOther is every other write.
	opOther = "write"
)

// JournalFile is what the journal needs of its file.
type JournalFile interface {
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
}

func (s Seams) at(op string, point Point) error {
	if s.At == nil {
		return nil
	}
	return s.At(op, point)
}
