//go:build !wasip1

package guest

import "embed"

// Source is the source of the SDK, for programs that build plugins without
// fetching this module. Tests are among it.
//
//go:embed *.go jsonspan/*.go openai/*.go
var Source embed.FS
