//go:build !windows

package direct

import "io/fs"

// openToWrite reports whether others than the owner may write to a file.
func openToWrite(mode fs.FileMode) bool { return mode.Perm()&0o022 != 0 }
