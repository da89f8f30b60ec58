package cooldown

import "sync/atomic"

var globallyDisabled atomic.Bool

// SetQuotaCooldownDisabled switches cooling off, or on again, for every manager
// of the process, where neither the credential nor the configuration says
// otherwise. Blocks that stand end when they would have. New programs use
// settings.Cooldown.Disabled, which concerns one manager.
func SetQuotaCooldownDisabled(disable bool) { globallyDisabled.Store(disable) }

// QuotaCooldownDisabled reports what SetQuotaCooldownDisabled said last.
func QuotaCooldownDisabled() bool { return globallyDisabled.Load() }
