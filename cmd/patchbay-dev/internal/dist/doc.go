// Package dist makes a release: for each platform a static binary in an archive
// with its licences, a bill of materials beside it, and one file of checksums.
// The same commit and the same Go give the same bytes, wherever and whenever it
// is built: times are those of the commit, entries are sorted, and no path of
// the machine is in a binary.
package dist
