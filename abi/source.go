//go:build !wasip1

package abi

import "embed"

// Source is the source of this package, for programs that build plugins
// without fetching this module. Tests are among it.
//
//go:embed *.go manifest.schema.json vectors/accept.json
var Source embed.FS
