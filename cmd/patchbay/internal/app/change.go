package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/cooldown"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/models"
)

// ShowAuth returns what may be shown of one credential.
func (a *App) ShowAuth(ctx context.Context, id string) (admin.AuthDetail, error) {
	c, err := a.record(id)
	if err != nil {
		return admin.AuthDetail{}, err
	}
	d := admin.AuthDetail{
		AuthView: a.authView(ctx, c), Cooldowns: a.conditionOf(c).Cooldowns,
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, RefreshedAt: c.LastRefreshedAt,
	}
	if at, ok := c.ExpirationTime(); ok {
		d.ExpiresAt = at
	}
	d.ImportedFrom, _ = strings.CutPrefix(c.Attributes[auth.AttrSource], importedFrom)
	if d.ImportedFrom == c.Attributes[auth.AttrSource] {
		d.ImportedFrom = ""
	}
	return d, nil
}

// ChangeAuth changes a credential. All of the change is checked against the
// plugin's manifest before anything is written.
func (a *App) ChangeAuth(ctx context.Context, ch admin.AuthChange) (admin.AuthView, error) {
	var none admin.AuthView
	if c, ok := a.declared(ch.ID); ok {
		return none, &admin.Error{Code: admin.CodeFromConfig, Message: fmt.Sprintf("credential %s is declared in the configuration: change it in %s", ch.ID, c.Source)}
	}
	before, ok := a.manager.GetByID(ch.ID)
	if !ok {
		return none, noAuth(ch.ID)
	}
	if err := checkChange(ch); err != nil {
		return none, err
	}
	m, p, err := a.manifestOf(ctx, before.Provider)
	if err != nil {
		// Without its plugin nobody knows what the fields mean; the switch and
		// the label have to work all the same.
		if len(ch.Set)+len(ch.Secrets)+len(ch.Unset) > 0 {
			return none, err
		}
		m = nil
	} else if err := checkNames(m, p.Key, ch.Set, ch.Secrets, ch.Unset); err != nil {
		return none, err
	}
	for _, v := range ch.Secrets {
		a.secret(v)
	}
	if ch.ProxyURL != nil {
		a.noteProxy(*ch.ProxyURL)
	}
	stored, err := a.manager.Change(ctx, ch.ID, func(c *auth.Auth) error {
		edit(c, ch)
		if m == nil {
			return nil
		}
		if err := driver.ValidateCredential(m, *p, c); err != nil {
			return invalid("credential %s: %v", ch.ID, err)
		}
		return nil
	})
	if err != nil {
		return none, changeFailed(ch.ID, err)
	}
	if a.isServing() && relists(ch) {
		a.listModels(ctx, stored)
	}
	if newest, ok := a.manager.GetByID(ch.ID); ok {
		stored = newest
	}
	return a.authView(ctx, stored), nil
}

// edit writes a change into a record.
func edit(c *auth.Auth, ch admin.AuthChange) {
	if c.Attributes == nil {
		c.Attributes = map[string]string{}
	}
	if c.Metadata == nil {
		c.Metadata = map[string]any{}
	}
	for _, name := range ch.Unset {
		delete(c.Attributes, name)
		delete(c.Metadata, name)
	}
	for name, v := range ch.Set {
		c.Attributes[name] = v
	}
	for name, v := range ch.Secrets {
		c.Metadata[name] = v
	}
	if ch.Label != nil {
		c.Label = *ch.Label
	}
	if ch.Prefix != nil {
		c.Prefix = *ch.Prefix
	}
	if ch.ProxyURL != nil {
		c.ProxyURL = *ch.ProxyURL
	}
	if ch.Priority != nil {
		setOr(c.Attributes, auth.AttrPriority, strconv.Itoa(*ch.Priority), *ch.Priority == 0)
	}
	if ch.Weight != nil {
		setOr(c.Attributes, auth.AttrWeight, strconv.Itoa(*ch.Weight), *ch.Weight == 1)
	}
	if ch.MaxInFlight != nil {
		setOr(c.Attributes, auth.AttrMaxInFlight, strconv.Itoa(*ch.MaxInFlight), *ch.MaxInFlight == 0)
	}
	if ch.Group != nil {
		setOr(c.Attributes, auth.AttrGroup, *ch.Group, *ch.Group == "")
	}
	if ch.QuotaGroup != nil {
		setOr(c.Attributes, auth.AttrQuotaGroup, *ch.QuotaGroup, *ch.QuotaGroup == "")
	}
	if ch.AllowPrivate != nil {
		setOr(c.Attributes, auth.AttrAllowPrivate, "true", !*ch.AllowPrivate)
	}
	if words, err := parseOwn(ch.Own); err == nil { // checkChange has seen it
		setOwn(c, words)
	}
	if ch.Models != nil {
		c.SetDeclaredModels(*ch.Models)
	}
	if ch.Disabled != nil {
		c.Disabled = *ch.Disabled
		if !c.Disabled && c.Status == auth.StatusDisabled {
			c.Status = auth.StatusActive
		}
	}
	if renews(ch) {
		cooldown.Reset(c, "", time.Now().UTC())
	}
}

func setOr(m map[string]string, key, value string, absent bool) {
	if absent {
		delete(m, key)
		return
	}
	m[key] = value
}

// renews reports whether what was held against the old credential says nothing
// of the new one.
func renews(ch admin.AuthChange) bool {
	return len(ch.Set)+len(ch.Secrets)+len(ch.Unset) > 0 || ch.ProxyURL != nil || ch.AllowPrivate != nil
}

// relists reports whether a change may change which models there are.
func relists(ch admin.AuthChange) bool {
	return renews(ch) || ch.Models != nil || ch.Disabled != nil && !*ch.Disabled
}

// ownFlags are attributes that are no fields of a plugin's.
var ownFlags = []string{
	auth.AttrPriority, auth.AttrWeight, auth.AttrMaxInFlight, auth.AttrGroup, auth.AttrQuotaGroup,
	auth.AttrAllowPrivate, auth.AttrModels, auth.AttrSource, auth.AttrRuntimeOnly,
	auth.MetaDisableCooling, auth.MetaRequestRetry, auth.MetaRefreshDisabled,
}

// checkNames refuses what the provider's plugin has no field for, and what is
// set in another way.
func checkNames(m *abi.Manifest, provider string, set, secrets map[string]string, unset []string) error {
	var unknown []string
	check := func(name string, settable bool) error {
		_, known := m.Credential.Fields[name]
		switch {
		case slices.Contains(ownFlags, name):
			return invalid("%s is no field of provider %s: it has a flag of its own, or is not the operator's to set; see --help", name, provider)
		case !known && !(settable && name == auth.AttrVirtualParent):
			unknown = append(unknown, name)
		}
		return nil
	}
	for name := range set {
		if err := check(name, true); err != nil {
			return err
		}
	}
	for _, name := range unset {
		if err := check(name, true); err != nil {
			return err
		}
	}
	for name := range secrets {
		if err := check(name, false); err != nil {
			return err
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return invalid("provider %s has no field %s: patchbay plugin inspect shows which it has", provider, strings.Join(unknown, ", "))
	}
	return nil
}

// checkChange checks what is the same for every provider.
func checkChange(ch admin.AuthChange) error {
	for _, name := range ch.Unset {
		if _, both := ch.Set[name]; both {
			return invalid("field %s is set and unset at once", name)
		}
	}
	if ch.Models != nil {
		if err := checkModels(*ch.Models); err != nil {
			return err
		}
	}
	if ch.Label != nil {
		if err := checkText("label", *ch.Label); err != nil {
			return err
		}
	}
	if ch.Prefix != nil {
		if err := checkPrefix(*ch.Prefix); err != nil {
			return err
		}
	}
	if err := checkShare(ch); err != nil {
		return err
	}
	if _, err := parseOwn(ch.Own); err != nil {
		return err
	}
	if ch.ProxyURL != nil {
		return checkProxy(*ch.ProxyURL)
	}
	return nil
}

// checkShare checks what says how often a credential is used, and with whom it
// shares.
func checkShare(ch admin.AuthChange) error {
	if ch.Weight != nil && (*ch.Weight < 1 || *ch.Weight > auth.MaxWeight) {
		return invalid("the weight %d is not from 1 to %d; to use a credential for nothing, disable it", *ch.Weight, auth.MaxWeight)
	}
	if ch.MaxInFlight != nil && (*ch.MaxInFlight < 0 || *ch.MaxInFlight > math.MaxInt32) {
		return invalid("max-in-flight %d is not from 0 (any number) to %d", *ch.MaxInFlight, math.MaxInt32)
	}
	for what, group := range map[string]*string{"group": ch.Group, "quota group": ch.QuotaGroup} {
		if group == nil {
			continue
		}
		if strings.TrimSpace(*group) != *group {
			return invalid("the %s %q must hold no space at either end", what, *group)
		}
		if err := checkText(what, *group); err != nil {
			return err
		}
	}
	return nil
}

func checkText(what, s string) error {
	if strings.ContainsFunc(s, unicode.IsControl) || len(s) > 256 {
		return invalid("the %s has at most 256 bytes and no control characters", what)
	}
	return nil
}

func checkPrefix(s string) error {
	if strings.ContainsFunc(s, unicode.IsSpace) || strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/") {
		return invalid("the prefix %q must hold no space, and no slash at either end", s)
	}
	return checkText("prefix", s)
}

func checkModels(names []string) error {
	for i, name := range names {
		if strings.TrimSpace(name) != name || name == "" {
			return invalid("the model %q must hold no space at either end, and something between", name)
		}
		if slices.Contains(names[:i], name) {
			return invalid("the model %q is listed twice", name)
		}
	}
	return nil
}

// checkProxy never repeats the URL, which may hold a password.
func checkProxy(raw string) error {
	var refusal *egress.Error
	if err := egress.CheckProxy(raw); errors.As(err, &refusal) {
		return invalid("%s", refusal.Rule)
	}
	return nil
}

// changeFailed turns errors of the manager into those that travel.
func changeFailed(id string, err error) error {
	var core *auth.Error
	switch {
	case errors.As(err, &core) && core.Code == auth.CodeAuthNotFound:
		return noAuth(id)
	case errors.As(err, &core) && core.Code == auth.CodeExecutorNotFound:
		return &admin.Error{Code: admin.CodeUnavailable, Message: core.Message}
	}
	return err
}

// ResetCooldown forgets what is held against a credential or one of its models.
func (a *App) ResetCooldown(ctx context.Context, id, model string) (admin.ResetResult, error) {
	c, err := a.record(id)
	if err != nil {
		return admin.ResetResult{}, err
	}
	if _, known := a.manager.GetByID(id); !known {
		// It is declared in the configuration, and only a server learns of it.
		return admin.ResetResult{Auth: a.authView(ctx, c)}, nil
	}
	if model != "" && a.isServing() && !a.knows(c, model) {
		return admin.ResetResult{}, notFound("credential %s does not serve model %q: patchbay auth show %s lists its models", id, model, id)
	}
	reset, err := a.manager.ResetCooldown(ctx, id, model)
	if err != nil {
		return admin.ResetResult{}, changeFailed(id, err)
	}
	if c, err = a.record(id); err != nil {
		return admin.ResetResult{}, err
	}
	return admin.ResetResult{Reset: reset, Auth: a.authView(ctx, c)}, nil
}

// knows reports whether a credential serves a model, or has a state for it.
func (a *App) knows(c *auth.Auth, model string) bool {
	name := auth.CanonicalModel(models.StripPrefix(c.Prefix, model))
	if c.ModelStates[name] != nil {
		return true
	}
	for _, m := range a.manager.ModelsOf(c.ID) {
		if auth.CanonicalModel(models.StripPrefix(c.Prefix, m.ID)) == name {
			return true
		}
	}
	return false
}

// RefreshAuth gets new tokens for a credential, if its provider can.
func (a *App) RefreshAuth(ctx context.Context, id string) (admin.AuthView, error) {
	c, err := a.record(id)
	if err != nil {
		return admin.AuthView{}, err
	}
	if !a.isServing() {
		return admin.AuthView{}, &admin.Error{Code: admin.CodeUnavailable, Message: "no server is running on this data directory, and a refresh needs the provider's plugin to run: start one with patchbay serve"}
	}
	fresh, err := a.manager.RefreshAuth(ctx, id)
	var core *auth.Error
	switch {
	case errors.As(err, &core) && core.Code == auth.CodeNotSupported:
		return admin.AuthView{}, &admin.Error{Code: admin.CodeUnsupported, Message: fmt.Sprintf(
			"credential %s was not refreshed: provider %s cannot refresh in this build; give it new secrets with patchbay auth set %s --secret FIELD=@FILE", id, c.Provider, id)}
	case errors.As(err, &core):
		return admin.AuthView{}, changeFailed(id, err)
	case err != nil:
		return admin.AuthView{}, fmt.Errorf("refresh credential %s: %s", id, a.redact(err.Error()))
	}
	a.noteSecrets(fresh)
	return a.authView(ctx, fresh), nil
}
