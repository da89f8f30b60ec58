package app

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/config"
	"github.com/patchbay-dev/patchbay/host/cooldown"
	"github.com/patchbay-dev/patchbay/host/models"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// records returns every credential by id: the manager's, and in a process that
// does not serve those that the configuration declares.
func (a *App) records() []*auth.Auth {
	all := a.manager.List()
	if !a.isServing() {
		for _, c := range a.config().Credentials {
			all = append(all, configured(c))
		}
		slices.SortFunc(all, func(x, y *auth.Auth) int { return cmp.Compare(x.ID, y.ID) })
	}
	return all
}

// record returns one credential.
func (a *App) record(id string) (*auth.Auth, error) {
	if c, ok := a.manager.GetByID(id); ok {
		return c, nil
	}
	if c, ok := a.declared(id); ok {
		return configured(c), nil
	}
	return nil, noAuth(id)
}

func noAuth(id string) error {
	return notFound("no credential %q: patchbay auth list shows which there are", id)
}

// declared returns the declaration of a credential that the configuration has.
func (a *App) declared(id string) (settings.Credential, bool) {
	for _, c := range a.config().Credentials {
		if config.CredentialID(c.Provider, c.Label) == id {
			return c, true
		}
	}
	return settings.Credential{}, false
}

// conditionOf says how a credential does now.
func (a *App) conditionOf(c *auth.Auth) admin.AuthStatus {
	names := []string{}
	for _, m := range a.manager.ModelsOf(c.ID) {
		names = append(names, m.ID)
	}
	s := condition(c, names, a.isServing(), time.Now().UTC())
	if s.Reason == "" && s.State != admin.StateDisabled {
		s.Reason = a.problemOf(modelsOf(c.ID))
	}
	s.Reason = a.redact(s.Reason)
	for i := range s.Cooldowns {
		s.Cooldowns[i].Reason = a.redact(s.Cooldowns[i].Reason)
	}
	return s
}

// condition decides what a credential's record comes to at now, with the names
// of the models that it is picked for. What a process that does not serve knows
// of models says nothing.
func condition(c *auth.Auth, names []string, serving bool, now time.Time) admin.AuthStatus {
	s := admin.AuthStatus{ID: c.ID, Provider: c.Provider, Label: c.Label, State: admin.StateReady}
	held := cooldown.List(c, now)
	for _, h := range held {
		b := admin.Cooldown{Model: h.Model, Until: h.Until, Status: h.Status, Reason: h.Message, Quota: h.Reason == auth.BlockedQuota}
		if h.Reset.After(now) {
			b.ResetsAt = h.Reset
		}
		s.Cooldowns = append(s.Cooldowns, b)
		if s.Until.IsZero() || h.Until.Before(s.Until) {
			s.Until = h.Until
		}
	}
	switch {
	case c.Disabled || c.Status == auth.StatusDisabled:
		s.State = admin.StateDisabled
	case c.LastError != nil && c.LastError.Code == auth.CodeNeedsLogin:
		s.State, s.Reason = admin.StateNeedsLogin, c.LastError.Message
	case serving && len(names) == 0:
		s.State = admin.StateNoModels
	case len(held) > 0:
		s.State, s.Reason = admin.StateCooling, why(held[0])
		if held[0].Model == "" || len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return free(c, name, now) }) {
			s.State = admin.StateBlocked
		}
	}
	if held != nil && held[0].Model == "" {
		s.Until = held[0].Until
	}
	return s
}

func free(c *auth.Auth, name string, now time.Time) bool {
	return c.Block(models.StripPrefix(c.Prefix, name), now).Reason == auth.NotBlocked
}

// why is a block in one line.
func why(h cooldown.Held) string {
	text := h.Message
	if h.Status != 0 {
		text = fmt.Sprintf("status %d", h.Status)
		if h.Message != "" {
			text += ": " + h.Message
		}
	}
	if h.Model != "" {
		text = h.Model + ": " + text
	}
	return text
}
