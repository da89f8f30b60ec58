//go:build !windows

package config

import "io/fs"

// readByOthers reports whether others than the owner may read a file.
func readByOthers(mode fs.FileMode) bool { return mode.Perm()&0o044 != 0 }
