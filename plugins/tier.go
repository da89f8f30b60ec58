package plugins

import (
	"context"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins/direct"
	"github.com/patchbay-dev/patchbay/plugins/extism"
)

// module is one loaded module of either tier.
type module interface {
	abi.Guest
	Stats() direct.Stats
	Close(ctx context.Context) error
}

var (
	_ module = (*direct.Module)(nil)
	_ module = (*extism.Module)(nil)
)

// renamed gives the imports of Extism's PDKs a home of ours.
var renamed = map[string]string{extism.EnvModule: extism.HomeModule}

func loadModule(ctx context.Context, r *direct.Runtime, tier string, c direct.Config) (module, error) {
	if tier == TierExtism {
		return extism.Load(ctx, r, c)
	}
	return r.Load(ctx, c)
}

// checkTier compares imports and exports with what the module's tier asks for.
func checkTier(info *Info) error {
	if info.Tier == TierExtism {
		return extism.Check(info.Imports, info.Exports)
	}
	return direct.Check(info.Imports, info.Exports)
}

// beyondTier lists, by name, what a manifest asks for and the Extism tier does
// not have.
func beyondTier(tier string, m *abi.Manifest) []string {
	if tier != TierExtism {
		return nil
	}
	var lacks []string
	for _, p := range m.Provides.Providers {
		for _, d := range p.Deliver {
			if d == "events" {
				lacks = append(lacks, "provider "+p.Key+": deliver events, which the Extism tier has not: build the module for the direct tier")
			}
		}
	}
	return lacks
}
