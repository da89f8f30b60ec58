// Mapped is a plugin for tests: the provider of the package provider.
package main

import (
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
	"github.com/patchbay-dev/patchbay/sdk-guest/testdata/mapped/provider"
)

func main() {}

var _ = guest.Register(provider.Mapped())
