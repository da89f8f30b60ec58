package direct

import "io/fs"

// openToWrite is false: Windows gives every directory the mode 0777, and its
// access list says who may write.
func openToWrite(fs.FileMode) bool { return false }
