package boltstore

import "io/fs"

// exposed is false: Windows gives every file the mode 0666, and the access list
// of the data directory says who may read.
func exposed(fs.FileMode) bool { return false }

// syncDir does nothing: Windows refuses to flush a directory, and NTFS keeps a
// journal of renames itself.
func syncDir(string) error { return nil }
