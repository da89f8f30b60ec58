//go:build windows || solaris || aix

package boltstore

import "os"

// release closes a file whose bbolt can no longer be closed.
func release(f *os.File) error { return ignoreClosed(f.Close()) }
