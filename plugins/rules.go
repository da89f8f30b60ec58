package plugins

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/patchbay-dev/patchbay/abi"
)

// checkRules checks what a schema cannot say. The manifest has passed the
// schema. Every problem is listed.
func checkRules(m *abi.Manifest) error {
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	checkProviders(m, add)
	checkFields(m, add)
	checkDestinations(m, add)
	checkSigners(m, add)
	checkSlots(m, add)
	checkCapabilities(m, add)
	checkConfigSchema(m, add)
	if len(problems) == 0 {
		return nil
	}
	return errors.New(strings.Join(problems, "; "))
}

func checkProviders(m *abi.Manifest, add func(string, ...any)) {
	seen := map[string]bool{}
	for _, p := range m.Provides.Providers {
		if seen[p.Key] {
			add("provider %s is there twice", p.Key)
		}
		seen[p.Key] = true
		for _, h := range p.ClientHeaders {
			if abi.SealedName(h) {
				add("provider %s: client header %s may hold a secret and is never given to a plugin", p.Key, h)
			}
		}
		if p.QuotaGroup != "" && m.Credential.Fields[p.QuotaGroup].Kind != abi.FieldPublic {
			add("provider %s: quota_group names %s, which is not a public field", p.Key, p.QuotaGroup)
		}
		if d, err := time.ParseDuration(p.RefreshLead); p.RefreshLead != "" && (err != nil || d < 0) {
			add("provider %s: refresh_lead %q is not a duration such as 5m", p.Key, p.RefreshLead)
		}
		if static := p.Models.Source == "static"; static != (len(p.Models.Static) > 0) {
			add("provider %s: models.static goes with source static, and the other way round", p.Key)
		}
	}
	for _, p := range m.Provides.Providers {
		for _, name := range p.Models.Static {
			if !abi.ModelName(name) {
				add("provider %s: a static model has no name, or one that is too long or holds a control character", p.Key)
				break
			}
		}
	}
	if p := m.Provides; len(p.Providers)+len(p.Preparers)+len(p.PostAuth)+len(p.Observers) == 0 {
		add("it provides nothing")
	}
}

func checkFields(m *abi.Manifest, add func(string, ...any)) {
	for _, name := range slices.Sorted(maps.Keys(m.Credential.Fields)) {
		f := m.Credential.Fields[name]
		if f.Kind == abi.FieldPublic && abi.SealedName(name) {
			add("credential field %s cannot be public: its name says that it is secret", name)
		}
		if f.Default != "" && (f.Kind == "" || f.Kind == abi.FieldSecret) {
			add("credential field %s is secret and cannot have a default", name)
		}
		if f.Pattern == "" {
			continue
		}
		// By itself first: a)|(b would compile only within the group.
		if _, err := regexp.Compile(f.Pattern); err != nil {
			add("credential field %s: pattern does not compile: %v", name, err)
			continue
		}
		whole, err := regexp.Compile(`\A(?:` + f.Pattern + `)\z`)
		if err != nil {
			add("credential field %s: pattern does not compile: %v", name, err)
		} else if f.Default != "" && !whole.MatchString(f.Default) {
			add("credential field %s: the default does not match the pattern", name)
		}
	}
}

var hostField = regexp.MustCompile(`\{([^}]*)\}`)

func checkDestinations(m *abi.Manifest, add func(string, ...any)) {
	seen := map[string]bool{}
	for _, d := range m.Destinations {
		if seen[d.Name] {
			add("destination %s is there twice", d.Name)
		}
		seen[d.Name] = true
		if d.Provider != "" {
			if d.Field != "" || d.Scheme != "" || d.Host != "" || d.Port != 0 || d.PathPrefix != "" {
				add("destination %s has a provider and another place; want one of them", d.Name)
			}
			if !slices.ContainsFunc(m.Provides.Preparers, func(p abi.Preparer) bool { return slices.Contains(p.Providers, d.Provider) }) {
				add("destination %s: no preparer intercepts provider %s", d.Name, d.Provider)
			}
			continue
		}
		if d.Field != "" {
			if d.Scheme != "" || d.Host != "" || d.Port != 0 || d.PathPrefix != "" {
				add("destination %s has a field and a fixed place; want one of them", d.Name)
			}
			if m.Credential.Fields[d.Field].Kind != abi.FieldDestination {
				add("destination %s: %s is not a credential field of kind destination", d.Name, d.Field)
			}
			continue
		}
		if d.Scheme == "" || d.Host == "" {
			add("destination %s needs a field, or a scheme and a host", d.Name)
		}
		for _, match := range hostField.FindAllStringSubmatch(d.Host, -1) {
			if m.Credential.Fields[match[1]].Kind != abi.FieldDestination {
				add("destination %s: {%s} in the host is not a credential field of kind destination", d.Name, match[1])
			}
		}
		if strings.Contains(d.PathPrefix, "..") || strings.ContainsAny(d.PathPrefix, "?#\\") {
			add("destination %s: path_prefix %s is not a plain path", d.Name, d.PathPrefix)
		}
	}
}

func checkSlots(m *abi.Manifest, add func(string, ...any)) {
	for i, s := range m.Slots {
		if name, ok := strings.CutPrefix(s.Secret, "config:"); ok {
			if !slices.Contains(m.ConfigSecrets, name) {
				add("slot %d: %s is not one of config_secrets", i, name)
			}
		} else if name, ok := strings.CutPrefix(s.Secret, "signer:"); ok {
			checkSignerSlot(m, i, s, name, add)
		} else if f, ok := m.Credential.Fields[s.Secret]; !ok {
			add("slot %d: the credential has no field %s", i, s.Secret)
		} else if f.Kind != "" && f.Kind != abi.FieldSecret {
			add("slot %d: the credential field %s is not secret", i, s.Secret)
		}
		at := slices.IndexFunc(m.Destinations, func(d abi.Destination) bool { return d.Name == s.Destination })
		if at < 0 {
			add("slot %d: there is no destination %s", i, s.Destination)
			continue
		}
		for _, method := range s.Methods {
			if !slices.Contains(m.Destinations[at].Methods, method) {
				add("slot %d: destination %s does not allow %s", i, s.Destination, method)
			}
		}
		if header, ok := strings.CutPrefix(s.Position, "header:"); ok && abi.HostHeader(header) {
			add("slot %d: the header %s is written by the host alone", i, header)
		}
	}
}

func checkCapabilities(m *abi.Manifest, add func(string, ...any)) {
	seen := map[string]bool{}
	for _, c := range m.Capabilities {
		if seen[c.Name] {
			add("capability %s is there twice", c.Name)
		}
		seen[c.Name] = true
		checkReadable(m, c, add)
	}
	sends := func(d abi.Destination) bool { return d.Provider == "" } // the others are where somebody else sends
	if slices.ContainsFunc(m.Destinations, sends) && !seen[abi.CapabilityNetwork] {
		add("it has destinations but does not ask for the capability %s", abi.CapabilityNetwork)
	}
}

// checkReadable holds the fields of a capability: secrets_readable is for those
// alone that it names.
func checkReadable(m *abi.Manifest, c abi.Capability, add func(string, ...any)) {
	if reads := c.Name == abi.CapabilityReadSecrets; reads != (len(c.Fields) > 0) {
		add("capability %s: fields go with %s, and the other way round", c.Name, abi.CapabilityReadSecrets)
	}
	for _, name := range c.Fields {
		if f, ok := m.Credential.Fields[name]; !ok || f.Kind != "" && f.Kind != abi.FieldSecret {
			add("capability %s: %s is not a secret field of the credential", c.Name, printable(name))
		}
	}
}

func checkConfigSchema(m *abi.Manifest, add func(string, ...any)) {
	if len(m.Config) == 0 {
		return
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(m.Config))
	if err == nil {
		err = boundSchema(doc)
	}
	if err == nil {
		_, err = compileSchema(doc)
	}
	if err != nil {
		add("config is not a JSON Schema: %s", schemaLine(err))
	}
}
