// Package refresh says when a credential is to be refreshed, and sees to it that
// it is, once at a time. What a refresh does is the manager's business. spec:
// core.md section 6.
package refresh

import (
	"strings"
	"sync"
	"time"
)

// Lead is how long before a token's expiry it is refreshed, by provider, as it
// ships. spec: core.md section 6, the seed's table.
var shipped = map[string]time.Duration{
	"claude":      4 * time.Hour,
	"codex":       5 * 24 * time.Hour,
	"antigravity": 5 * time.Minute,
	"kimi":        5 * time.Minute,
	"qwen":        3 * time.Hour,
	"iflow":       24 * time.Hour,
}

// registered is what RegisterRefreshLeadProvider was told. It is the whole
// process's, as that function's signature has it.
var registered struct {
	mu        sync.RWMutex // guards factories
	factories map[string]func() *time.Duration
}

// RegisterRefreshLeadProvider says for the whole process how long before expiry
// a provider's tokens are refreshed, case aside; the last word counts, and it
// counts more than what ships. An empty provider or no factory is nothing.
// Nothing takes it back, so what may come and go (a plugin) has its say through
// its executor's RefreshLead instead. It is safe for concurrent use.
func RegisterRefreshLeadProvider(provider string, factory func() *time.Duration) {
	key := providerKey(provider)
	if key == "" || factory == nil {
		return
	}
	registered.mu.Lock()
	defer registered.mu.Unlock()
	if registered.factories == nil {
		registered.factories = map[string]func() *time.Duration{}
	}
	registered.factories[key] = factory
}

// ProviderRefreshLead returns how long before expiry a provider's tokens are
// refreshed: what runtime says itself by a method RefreshLead, else what was
// registered, else what ships. nil means that they are not refreshed for an
// expiry. A lead of 0 or less counts as none.
func ProviderRefreshLead(provider string, runtime any) *time.Duration {
	if lead := OwnLead(runtime); lead != nil {
		return lead
	}
	return globalLead(provider)
}

// Lead is ProviderRefreshLead for a manager, which asks more: the credential's
// runtime, its executor, the manager's own table, and then the process. In the
// manager's table 0 or less is a word too: never.
func Lead(provider string, runtime, executor any, table map[string]time.Duration) *time.Duration {
	if lead := OwnLead(runtime); lead != nil {
		return lead
	}
	if lead := OwnLead(executor); lead != nil {
		return lead
	}
	if d, ok := table[providerKey(provider)]; ok {
		return positive(&d)
	}
	return globalLead(provider)
}

// OwnLead returns what v says by a method RefreshLead, nil when it has none.
func OwnLead(v any) *time.Duration {
	if own, ok := v.(interface{ RefreshLead() *time.Duration }); ok {
		return positive(own.RefreshLead())
	}
	return nil
}

func globalLead(provider string) *time.Duration {
	key := providerKey(provider)
	registered.mu.RLock()
	factory := registered.factories[key]
	registered.mu.RUnlock()
	if factory != nil { // foreign code, called outside the lock
		return positive(factory())
	}
	if d, ok := shipped[key]; ok {
		return &d
	}
	return nil
}

func positive(d *time.Duration) *time.Duration {
	if d == nil || *d <= 0 {
		return nil
	}
	lead := *d // the giver may change its own
	return &lead
}

func providerKey(name string) string { return strings.ToLower(strings.TrimSpace(name)) }
