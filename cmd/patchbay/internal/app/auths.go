package app

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/config"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// AddAuth stores a credential. Everything about it is checked against the
// plugin's manifest before anything is written.
func (a *App) AddAuth(ctx context.Context, spec admin.AuthSpec) (admin.AuthView, error) {
	m, p, err := a.manifestOf(ctx, spec.Provider)
	if err != nil {
		return admin.AuthView{}, err
	}
	if err := checkNames(m, p.Key, spec.Set, spec.Secrets, nil); err != nil {
		return admin.AuthView{}, err
	}
	weight := max(spec.Weight, 1) // none means 1
	if spec.Weight < 0 {
		weight = spec.Weight
	}
	if err := checkChange(admin.AuthChange{
		Label: &spec.Label, Prefix: &spec.Prefix, Models: &spec.Models, ProxyURL: &spec.ProxyURL,
		Weight: &weight, MaxInFlight: &spec.MaxInFlight, Group: &spec.Group, QuotaGroup: &spec.QuotaGroup, Own: spec.Own,
	}); err != nil {
		return admin.AuthView{}, err
	}
	c := authOf(settings.Credential{
		Provider: spec.Provider, Label: spec.Label, Set: spec.Set, Secrets: spec.Secrets, Models: spec.Models,
		Prefix: spec.Prefix, Priority: spec.Priority, AllowPrivate: spec.AllowPrivate, ProxyURL: spec.ProxyURL,
		Weight: spec.Weight, MaxInFlight: spec.MaxInFlight, Group: spec.Group, QuotaGroup: spec.QuotaGroup,
	})
	words, err := parseOwn(spec.Own)
	if err != nil {
		return admin.AuthView{}, err
	}
	setOwn(c, words)
	if err := driver.ValidateCredential(m, *p, c); err != nil {
		return admin.AuthView{}, invalid("credential for %s: %v", spec.Provider, err)
	}
	a.noteSecrets(c)
	if c, err = a.judged(ctx, m, *p, c); err != nil {
		return admin.AuthView{}, err
	}
	stored, err := a.manager.Register(ctx, c)
	if err != nil {
		return admin.AuthView{}, fmt.Errorf("store the credential: %w", err)
	}
	if a.isServing() {
		a.listModels(ctx, stored)
	}
	return a.authView(ctx, stored), nil
}

// ListAuths returns every credential by id, without a secret.
func (a *App) ListAuths(ctx context.Context) ([]admin.AuthView, error) {
	by, err := a.manifests(ctx)
	if err != nil {
		return nil, err
	}
	views := []admin.AuthView{}
	for _, c := range a.records() {
		views = append(views, a.viewOf(c, by[c.Provider].manifest))
	}
	return views, nil
}

// RemoveAuth deletes a credential: no new picks, running streams finish.
func (a *App) RemoveAuth(ctx context.Context, id string) error {
	if c, ok := a.declared(id); ok {
		return &admin.Error{Code: admin.CodeFromConfig, Message: fmt.Sprintf("credential %s is declared in the configuration: take it out of %s", id, c.Source)}
	}
	if _, ok := a.manager.GetByID(id); !ok {
		return noAuth(id)
	}
	a.problem(modelsOf(id), "")
	return a.manager.Remove(ctx, id)
}

// registerConfigured registers a credential of the configuration file. It is
// not written to the store.
func (a *App) registerConfigured(ctx context.Context, c settings.Credential) error {
	rec := configured(c)
	if err := a.checkConfigured(ctx, c, rec); err != nil {
		return err
	}
	a.noteSecrets(rec)
	_, err := a.manager.Register(ctx, rec)
	return err
}

// ConfigError is a declared credential that cannot be used as it stands.
type ConfigError struct {
	// Source is FILE:LINE.
	Source string
	Err    error
}

// Error says where and what.
func (e *ConfigError) Error() string { return e.Source + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

func configured(c settings.Credential) *auth.Auth {
	rec := authOf(c)
	rec.ID = config.CredentialID(c.Provider, c.Label)
	rec.Attributes[auth.AttrRuntimeOnly] = "true"
	rec.Attributes[auth.AttrSource] = "config:" + c.Source
	return rec
}

// authOf makes a record: what may be shown goes to Attributes, secrets to
// Metadata.
func authOf(c settings.Credential) *auth.Auth {
	rec := &auth.Auth{
		Provider: strings.ToLower(strings.TrimSpace(c.Provider)), Label: c.Label, Prefix: c.Prefix, ProxyURL: c.ProxyURL,
		Disabled: c.Disabled, Status: auth.StatusActive,
		Attributes: map[string]string{}, Metadata: map[string]any{},
	}
	for name, v := range c.Set {
		rec.Attributes[name] = v
	}
	for name, v := range c.Secrets {
		rec.Metadata[name] = v
	}
	if c.Priority != 0 {
		rec.Attributes[auth.AttrPriority] = strconv.Itoa(c.Priority)
	}
	setOr(rec.Attributes, auth.AttrWeight, strconv.Itoa(c.Weight), c.Weight <= 1)
	setOr(rec.Attributes, auth.AttrMaxInFlight, strconv.Itoa(c.MaxInFlight), c.MaxInFlight <= 0)
	setOr(rec.Attributes, auth.AttrGroup, c.Group, c.Group == "")
	setOr(rec.Attributes, auth.AttrQuotaGroup, c.QuotaGroup, c.QuotaGroup == "")
	if c.AllowPrivate {
		rec.Attributes[auth.AttrAllowPrivate] = "true"
	}
	declaredOwn(rec, c)
	rec.SetDeclaredModels(c.Models)
	return rec
}

// noteSecrets tells the log's last net of a credential's secrets.
func (a *App) noteSecrets(c *auth.Auth) {
	for _, v := range c.Metadata {
		if s, ok := v.(string); ok {
			a.secret(s)
		}
	}
	a.noteProxy(c.ProxyURL)
}

// noteProxy does the same for the password in a proxy's URL.
func (a *App) noteProxy(raw string) {
	if u, err := url.Parse(raw); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			a.secret(password)
		}
	}
}

// authView is what may be shown of a credential.
func (a *App) authView(ctx context.Context, c *auth.Auth) admin.AuthView {
	m, _, err := a.manifestOf(ctx, c.Provider)
	if err != nil {
		m = nil
	}
	return a.viewOf(c, m)
}

// viewOf is authView with the manifest at hand; nil when no plugin serves the
// provider, so that nobody knows which fields are public.
func (a *App) viewOf(c *auth.Auth, m *abi.Manifest) admin.AuthView {
	now := a.conditionOf(c)
	v := admin.AuthView{
		ID: c.ID, Provider: c.Provider, Label: c.Label, Prefix: c.Prefix, Priority: c.Priority(),
		Status: string(c.Status), State: now.State, Reason: now.Reason, Until: now.Until,
		Source: admin.SourceStore, Disabled: c.Disabled,
		AllowPrivate: c.AllowPrivate(), HasProxy: c.ProxyURL != "",
		MaxInFlight: c.MaxInFlight(), Group: c.Group(), QuotaGroup: c.QuotaGroup(), Own: ownOf(c),
	}
	if weight := c.Weight(); weight != 1 {
		v.Weight = weight
	}
	if src, ok := strings.CutPrefix(c.Attributes[auth.AttrSource], "config:"); ok {
		v.Source = src
	}
	for _, m := range a.manager.ModelsOf(c.ID) {
		v.Models = append(v.Models, m.ID)
	}
	if v.Models == nil {
		v.Models = c.DeclaredModels()
	}
	if m != nil {
		for name, f := range m.Credential.Fields {
			value, ok := c.Attributes[name]
			if !ok || f.Kind != abi.FieldPublic && f.Kind != abi.FieldDestination {
				continue
			}
			if v.Fields == nil {
				v.Fields = map[string]string{}
			}
			v.Fields[name] = value
		}
	}
	for name := range c.Metadata {
		v.SecretsSet = append(v.SecretsSet, name)
	}
	slices.Sort(v.SecretsSet)
	return v
}
