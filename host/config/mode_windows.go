package config

import "io/fs"

// readByOthers is false: Windows gives every file the mode 0666, and its access
// list says who may read.
func readByOthers(fs.FileMode) bool { return false }
