package cooldown

import "sync/atomic"

var (
	globallyDisabled atomic.Bool
	globalSwitches   atomic.Uint64
)

// SetQuotaCooldownDisabled switches cooling off, or on again, for every manager
// of the process, where neither the credential nor its provider nor the
// configuration says otherwise. Blocks that stand are lifted with a manager's next
// request. New programs use settings.Cooldown.Disabled, which concerns one manager.
func SetQuotaCooldownDisabled(disable bool) {
	globallyDisabled.Store(disable)
	globalSwitches.Add(1)
}

// QuotaCooldownDisabled reports what SetQuotaCooldownDisabled said last.
func QuotaCooldownDisabled() bool { return globallyDisabled.Load() }

// QuotaCooldownSwitches counts the calls of SetQuotaCooldownDisabled, by which a
// manager notices one: the switch knows no managers.
func QuotaCooldownSwitches() uint64 { return globalSwitches.Load() }
