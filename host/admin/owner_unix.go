//go:build unix

package admin

import (
	"io/fs"
	"syscall"
)

// ownerOf returns the user that owns a file, or unknown.
func ownerOf(info fs.FileInfo, unknown int) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return unknown
}
