package guest

import (
	"bytes"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/sdk-guest/jsonspan"
)

// Setup is what the host says once, when an instance starts.
type Setup struct {
	// HostVersion is the version of the host.
	HostVersion string
	// Features are the parts of the contract that the host has beyond its base.
	Features []string
	// Limits are the caps that the host enforces.
	Limits abi.Limits

	config jsonspan.Value
}

// Config returns the value at path in the plugin's configuration; see
// jsonspan.Get. A secret of the configuration is not there: name it in a
// request with ConfigSecret.
func (s *Setup) Config(path ...string) jsonspan.Value { return s.config.Get(path...) }

// Has reports whether the host has a feature.
func (s *Setup) Has(feature string) bool { return slices.Contains(s.Features, feature) }

// noSetup stands for what the host has not said.
var noSetup Setup

// newSetup copies what it keeps, since in lies in the input buffer.
func newSetup(in *abi.InitInput) *Setup {
	s := &Setup{
		HostVersion: strings.Clone(in.HostVersion),
		config:      jsonspan.Get(bytes.Clone(in.Config)),
	}
	for _, f := range in.Features {
		s.Features = append(s.Features, strings.Clone(f))
	}
	if in.Limits != nil {
		s.Limits = *in.Limits
	}
	return s
}
