package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/cmd/patchbay/internal/credfile"
	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// importedFrom begins the source attribute of an imported credential; the
// file's name follows.
const importedFrom = "import:"

// ImportAuths takes over credential files of another program. Each is planned
// as a whole; one that cannot be taken over changes nothing and keeps nobody
// else out.
func (a *App) ImportAuths(ctx context.Context, req admin.ImportRequest) ([]admin.ImportedFile, error) {
	a.importing.Lock()
	defer a.importing.Unlock()
	byProvider, err := a.manifests(ctx)
	if err != nil {
		return nil, err
	}
	known := a.records()
	here := map[string]string{} // what this request adds, by id: the file
	all := make([]admin.ImportedFile, 0, len(req.Files))
	var fresh []*auth.Auth
	for _, f := range req.Files {
		out, rec := planImport(f, byProvider, known)
		if first, twice := here[out.ID]; twice && out.State == admin.ImportExists {
			out.Reason = fmt.Sprintf("it is the same account as %q", first)
			if !req.Yes {
				out.ID = "" // there is no such credential yet
			}
		}
		if out.State == admin.ImportReady {
			// Within one folder too, the first of two is the one.
			rec.ID = auth.NewID()
			known = append(known, rec)
			here[rec.ID] = out.Name
			if req.Yes {
				fresh = append(fresh, a.takeOver(ctx, byProvider[rec.Provider], rec, &out)...)
			}
		}
		all = append(all, out)
	}
	if a.isServing() && len(fresh) > 0 {
		// Providers may be slow, and there may be thousands of files.
		a.goBackground(func(ctx context.Context) { a.listModelsOf(ctx, fresh) })
	}
	return all, nil
}

// takeOver stores a planned credential.
func (a *App) takeOver(ctx context.Context, by served, rec *auth.Auth, out *admin.ImportedFile) []*auth.Auth {
	a.noteSecrets(rec)
	rec, err := a.judged(ctx, by.manifest, by.provider, rec)
	if err != nil {
		out.State, out.Reason = admin.ImportRefused, oneLine(err)
		return nil
	}
	stored, err := a.manager.Register(ctx, rec)
	if err != nil {
		out.State, out.Reason = admin.ImportRefused, "it could not be stored: "+a.redact(err.Error())
		return nil
	}
	out.State, out.ID = admin.ImportDone, stored.ID
	return []*auth.Auth{stored}
}

// served is a provider and the manifest that provides it.
type served struct {
	manifest *abi.Manifest
	provider abi.Provider
}

// planImport decides what becomes of a file, given the installed providers and
// the credentials that are there. It returns the record when it is ready.
func planImport(f admin.ImportFile, byProvider map[string]served, known []*auth.Auth) (admin.ImportedFile, *auth.Auth) {
	out := admin.ImportedFile{Name: shownPath(f.Name), State: admin.ImportRefused}
	if len(f.Content) > admin.MaxImportFile {
		out.Reason = fmt.Sprintf("it is larger than %d KiB", admin.MaxImportFile>>10)
		return out, nil
	}
	file, err := credfile.Parse(f.Content)
	if err != nil {
		out.Reason = oneLine(err)
		return out, nil
	}
	out.Provider = credfile.Name(file.Provider)
	by, ok := byProvider[file.Provider]
	if !ok {
		out.State, out.Reason = admin.ImportUnserved, "no installed plugin serves its provider"
		return out, nil
	}
	rec := recordOf(file, by.manifest, &out)
	rec.Attributes[auth.AttrSource] = importedFrom + out.Name
	if rec.Label == "" {
		rec.Label = labelOf(out.Name)
	}
	if err := checkImport(by, rec); err != nil {
		out.Reason = oneLine(err)
		return out, nil
	}
	if id := sameAccount(rec, known); id != "" {
		out.State, out.ID, out.Reason = admin.ImportExists, id, "its account or one of its secrets is there already; auth set changes that one"
		return out, nil
	}
	out.State = admin.ImportReady
	return out, rec
}

// recordOf makes a record of what is understood: what the core knows by itself,
// and the fields of the provider's plugin.
func recordOf(file *credfile.File, m *abi.Manifest, out *admin.ImportedFile) *auth.Auth {
	rec := authOf(settings.Credential{
		Provider: file.Provider, Label: file.Email, Prefix: file.Prefix, Priority: file.Priority,
		ProxyURL: file.ProxyURL, Disabled: file.Disabled,
	})
	put := func(name string, v any, text string) {
		f, known := m.Credential.Fields[name]
		if known && (f.Kind == abi.FieldPublic || f.Kind == abi.FieldDestination) {
			rec.Attributes[name] = text
		} else {
			rec.Metadata[name] = v
		}
		out.Fields = append(out.Fields, credfile.Name(name))
	}
	if file.Email != "" {
		put("email", file.Email, file.Email)
	}
	for name, v := range file.Known {
		put(name, v, fmt.Sprint(v))
	}
	for name, text := range file.Fields {
		if _, known := m.Credential.Fields[name]; known && !slices.Contains(ownFlags, name) {
			put(name, text, text)
		} else {
			out.NotUnderstood = append(out.NotUnderstood, credfile.Name(name))
		}
	}
	for name, set := range map[string]bool{
		"disabled": file.Disabled, "prefix": file.Prefix != "", "priority": file.Priority != 0, "proxy_url": file.ProxyURL != "",
	} {
		if set {
			out.Fields = append(out.Fields, name)
		}
	}
	slices.Sort(out.Fields)
	slices.Sort(out.NotUnderstood)
	return rec
}

func checkImport(by served, rec *auth.Auth) error {
	if err := checkText("label", rec.Label); err != nil {
		return err
	}
	if err := checkPrefix(rec.Prefix); err != nil {
		return fmt.Errorf("its prefix must hold no space, and no slash at either end")
	}
	if err := checkProxy(rec.ProxyURL); err != nil {
		return err
	}
	return driver.ValidateCredential(by.manifest, by.provider, rec)
}

// sameAccount returns the id of a credential that a record would double: one
// that was read from the same file, of the same account, or with one of its
// secrets. Two copies of a refresh token that can be used once would lock each
// other out.
func sameAccount(rec *auth.Auth, known []*auth.Auth) string {
	for _, c := range known {
		if c.Provider != rec.Provider {
			continue
		}
		if c.Attributes[auth.AttrSource] == rec.Attributes[auth.AttrSource] || emailOf(rec) != "" && strings.EqualFold(emailOf(c), emailOf(rec)) {
			return c.ID
		}
		for name, v := range rec.Metadata {
			if text, ok := v.(string); ok && text != "" && isSecretName(name) && c.Metadata[name] == v {
				return c.ID
			}
		}
	}
	return ""
}

func emailOf(c *auth.Auth) string {
	if v := c.Attributes["email"]; v != "" {
		return v
	}
	v, _ := c.Metadata["email"].(string)
	return v
}

// common are texts that two accounts may share.
var common = []string{"scope", "token_type", "token_uri", "client_id", "client_secret", "universe_domain"}

// isSecretName tells what identifies an account from what many have.
func isSecretName(name string) bool {
	return !slices.Contains(common, name) && !credfile.IsKnown(name)
}

// manifests returns the installed providers by key.
func (a *App) manifests(ctx context.Context) (map[string]served, error) {
	all, err := a.parsed(ctx)
	if err != nil {
		return nil, err
	}
	by := map[string]served{}
	for _, m := range all {
		for _, p := range m.Provides.Providers {
			by[p.Key] = served{m, p}
		}
	}
	return by, nil
}

// labelOf names a credential by its file.
func labelOf(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	return strings.TrimSuffix(name, ".json")
}

// shownPath makes a file's name fit to be shown and stored.
func shownPath(name string) string {
	name = strings.ToValidUTF8(name, "?")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, name)
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
