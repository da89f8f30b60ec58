package driver

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
)

// FieldError says what is wrong with one field of a credential. It never holds
// the value of a secret.
type FieldError struct {
	Field   string
	Problem string
}

// Error names the field and what to do about it.
func (e *FieldError) Error() string {
	return fmt.Sprintf("the credential's field %s %s", e.Field, e.Problem)
}

// coreAttributes are the attributes that belong to the core and not to a
// plugin's schema.
var coreAttributes = []string{
	auth.AttrPriority, auth.AttrVirtualParent, auth.AttrAuthKind, auth.AttrRuntimeOnly,
	auth.AttrAllowPrivate, auth.AttrSource, auth.AttrModels, auth.AttrQuotaGroup,
	auth.AttrGroup, auth.AttrWeight, auth.AttrMaxInFlight, auth.AttrIndexSeed,
}

// ValidateCredential checks a credential against the schema of the plugin that
// serves it, before it is stored: every required field is there, every value
// matches its pattern, destinations parse, secrets are where secrets belong,
// and no attribute is unknown. All problems are told at once, each a
// *FieldError, joined.
func ValidateCredential(m *abi.Manifest, p abi.Provider, a *auth.Auth) error {
	patterns, err := compilePatterns(m)
	if err != nil {
		return fmt.Errorf("plugin %s: %w", m.ID, err)
	}
	e := &Executor{manifest: m, provider: p, patterns: patterns}
	var problems problemList
	for _, name := range slices.Sorted(maps.Keys(m.Credential.Fields)) {
		problems.add(e.validateField(a, name))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Attributes)) {
		if _, known := m.Credential.Fields[name]; !known && !slices.Contains(coreAttributes, name) && !strings.HasPrefix(name, ownAttributes) {
			problems.add(&FieldError{Field: name, Problem: "is unknown to provider " + p.Key + "; it has " + fieldNames(m)})
		}
	}
	for _, d := range m.Destinations {
		if d.Field != "" {
			if field(m, a, d.Field) != "" {
				_, err := e.baseOf(a, d.Field)
				problems.add(err)
			}
		} else if strings.Contains(d.Host, "{") {
			_, err := e.expandHost(a, d.Host)
			problems.add(err)
		}
	}
	return problems.err()
}

func (e *Executor) validateField(a *auth.Auth, name string) error {
	f := e.manifest.Credential.Fields[name]
	public := f.Kind == abi.FieldPublic || f.Kind == abi.FieldDestination
	_, set := a.Attributes[name]
	_, sealed := a.Metadata[name]
	switch {
	case public && sealed && !isExpiry(name):
		return &FieldError{Field: name, Problem: "is not a secret; set it as a plain field"}
	case !public && set:
		return &FieldError{Field: name, Problem: "is a secret; give it as one, not as a plain field"}
	case public:
		return checkField(e.manifest, e.patterns, name, field(e.manifest, a, name))
	}
	return checkField(e.manifest, e.patterns, name, secret(a, name))
}

// checkField holds one value against its schema. An empty value that is not
// required is right.
func checkField(m *abi.Manifest, patterns map[string]*regexp.Regexp, name, value string) error {
	f := m.Credential.Fields[name]
	switch {
	case value == "" && f.Required:
		return &FieldError{Field: name, Problem: "is required"}
	case value == "":
		return nil
	case strings.ContainsFunc(value, isControl):
		return &FieldError{Field: name, Problem: "holds a control character, such as a line break at its end"}
	case patterns[name] != nil && !patterns[name].MatchString(value):
		return &FieldError{Field: name, Problem: "does not match " + f.Pattern}
	}
	return nil
}

// compilePatterns compiles the patterns of a schema, and refuses a public field
// whose name says that it is a secret, and a field that the core would read as
// its own: whoever filled it in would have set, say, allow_private.
func compilePatterns(m *abi.Manifest) (map[string]*regexp.Regexp, error) {
	patterns := map[string]*regexp.Regexp{}
	for name, f := range m.Credential.Fields {
		if slices.Contains(coreAttributes, name) {
			return nil, fmt.Errorf("the credential field %s has the name of a setting of the host; choose another", name)
		}
		if f.Kind == abi.FieldPublic && abi.SealedName(name) {
			return nil, fmt.Errorf("the credential field %s cannot be public: its name says that it is a secret", name)
		}
		if f.Pattern == "" {
			continue
		}
		re, err := regexp.Compile(`\A(?:` + f.Pattern + `)\z`)
		if err != nil {
			return nil, fmt.Errorf("the pattern of the credential field %s: %w", name, err)
		}
		patterns[name] = re
	}
	return patterns, nil
}

func fieldNames(m *abi.Manifest) string {
	names := slices.Sorted(maps.Keys(m.Credential.Fields))
	if len(names) == 0 {
		return "no fields"
	}
	return strings.Join(names, ", ")
}
