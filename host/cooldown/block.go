package cooldown

import (
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// Block is whether and until when a credential may not be picked.
type Block = auth.Block

// Blocked says whether a may be picked for model at now. spec: core.md 3.6.
func Blocked(a *auth.Auth, model string, now time.Time) Block { return a.Block(model, now) }

// Disabled reports whether cooling is switched off for a: the credential's own
// word first, then that of its provider in providers, each of which may be an
// explicit no; then the configuration, then the global switch.
// core-decisions.md section 2, row 1.
func Disabled(a *auth.Auth, providers map[string]bool, cfg settings.Cooldown, global bool) bool {
	if disable, ok := a.DisableCoolingOverride(); ok {
		return disable
	}
	if len(providers) > 0 {
		if disable, ok := providers[strings.ToLower(strings.TrimSpace(a.Provider))]; ok {
			return disable
		}
	}
	return cfg.Disabled || global
}
