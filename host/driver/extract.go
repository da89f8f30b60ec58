package driver

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
)

// Bounds of an extraction.
const (
	maxExtracts = 32
	maxPublic   = 256       // of a value that a guest sees, in bytes
	maxTaken    = 256 << 10 // of one that it does not see
	maxLifetime = 10 * 365 * 24 * time.Hour
)

// extracted is one value that was taken out of a token answer.
type extracted struct {
	field, text string
	public      bool
	expires     time.Time // zero unless text is that time
}

// expiryFields are the names under which the core looks for the time when a
// credential expires (auth.Auth.ExpirationTime).
var expiryFields = []string{"expires_at", "expired", "expire", "expiresAt", "expiry", "expires"}

func isExpiry(field string) bool { return slices.Contains(expiryFields, field) }

// checkExtracts returns the rule that a list of rules breaks, empty when there
// is none. A secret goes into no field that a guest sees.
func (a *attempt) checkExtracts(list []abi.Extract) string {
	if len(list) > maxExtracts {
		return "an exchange takes more than 32 values"
	}
	for _, x := range list {
		schema, known := a.e.manifest.Credential.Fields[x.Field]
		name := short(x.Field)
		switch {
		case (x.Pointer == "") == (x.FormKey == "") || x.Pointer != "" && x.Pointer[0] != '/':
			return "an extraction has either a JSON pointer or a form key"
		case x.Kind == abi.ExtractKindUnspecified:
			return "an extraction has no kind"
		case (x.Kind == abi.ExtractKindJWTClaim) != (x.Claim != ""):
			return "a claim goes with an extraction of a JWT's claim"
		case x.Kind == abi.ExtractKindExpiresIn && !isExpiry(x.Field):
			return "expires_in goes into one of " + strings.Join(expiryFields, ", ") + ", not into " + name
		case x.Kind == abi.ExtractKindExpiresIn:
		case isExpiry(x.Field):
			return "only expires_in goes into " + name
		case !known:
			return "the credential has no field " + name + " to extract into"
		case slices.Contains(coreAttributes, x.Field):
			return "the field " + name + " is the operator's"
		case schema.Kind == abi.FieldDestination:
			return "the field " + name + " is a destination, which only the operator sets"
		case schema.Kind == abi.FieldPublic && sealedSource(x):
			return "what is extracted into the public field " + name + " has the name of a secret"
		}
	}
	return ""
}

// sealedSource reports whether a rule takes what by its name is a secret. The
// claims of an id_token are not.
func sealedSource(x abi.Extract) bool {
	if x.Kind == abi.ExtractKindJWTClaim {
		return sealedPath(x.Claim)
	}
	return sealedPath(x.Pointer) || abi.SealedName(x.FormKey) || exchanged(x.FormKey)
}

func sealedPath(pointer string) bool {
	for name := range strings.SplitSeq(pointer, "/") {
		if name = pointerEscapes.Replace(name); abi.SealedName(name) || exchanged(name) {
			return true
		}
	}
	return false
}

func cloneExtracts(list []abi.Extract) []abi.Extract {
	out := make([]abi.Extract, len(list))
	for i, x := range list {
		out[i] = abi.Extract{
			Pointer: strings.Clone(x.Pointer), FormKey: strings.Clone(x.FormKey), Field: strings.Clone(x.Field),
			Kind: x.Kind, Claim: strings.Clone(x.Claim),
		}
	}
	return out
}

// parseTokens reads a token answer: JSON, else a form; nil when it is neither.
func parseTokens(h http.Header, body []byte) any {
	if doc, err := decodeJSON(body); err == nil {
		return doc
	}
	if mediaType(h) != contentTypeForm && mediaType(h) != "text/plain" {
		return nil
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil
	}
	doc := map[string]any{}
	for name, v := range values {
		doc[name] = v[0]
	}
	return doc
}

// extract takes the values that are there; what is not there stays as it was.
func (a *attempt) extract(rules []abi.Extract, doc any) []extracted {
	secrets := sealedTexts(nil, doc, false)
	var out []extracted
	for _, x := range rules {
		v, ok := valueOf(x, doc)
		if !ok {
			continue
		}
		f := extracted{field: x.Field, text: v, public: a.e.manifest.Credential.Fields[x.Field].Kind == abi.FieldPublic || isExpiry(x.Field)}
		switch {
		case x.Kind == abi.ExtractKindExpiresIn:
			seconds, err := strconv.ParseFloat(v, 64)
			if err != nil || !(seconds > 0) {
				continue
			}
			life := maxLifetime
			if seconds < maxLifetime.Seconds() {
				life = time.Duration(seconds * float64(time.Second))
			}
			f.expires = a.e.opts.Now().Add(life).UTC()
			f.text = f.expires.Format(time.RFC3339)
		case len(v) > maxTaken:
			continue
		case f.public:
			pattern := a.e.patterns[x.Field]
			if len(v) > maxPublic || strings.ContainsFunc(v, isControl) || pattern != nil && !pattern.MatchString(v) || a.scrubber().text(v) != v ||
				slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(v, s) || strings.Contains(s, v) && len(v) >= minSecret }) {
				continue
			}
		}
		out = append(out, f)
	}
	return out
}

// valueOf is the text that a rule leads to; objects and lists are none.
func valueOf(x abi.Extract, doc any) (string, bool) {
	v, ok := any(nil), false
	if x.Pointer != "" {
		v, ok = lookUp(doc, x.Pointer)
	} else if top, isMap := doc.(map[string]any); isMap {
		v, ok = top[x.FormKey]
	}
	if ok && x.Kind == abi.ExtractKindJWTClaim {
		token, _ := v.(string)
		v, ok = claimOf(token, x.Claim)
	}
	if !ok {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return strings.ToValidUTF8(v, ""), v != ""
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// claimOf is a claim of a JWT: a member, or with a slash in front a pointer. Its
// signature is not looked at, since it came from the issuer itself.
func claimOf(token, claim string) (any, bool) {
	pieces := strings.Split(token, ".")
	if len(pieces) != 3 || len(token) > maxTaken {
		return nil, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(pieces[1], "="))
	if err != nil {
		return nil, false
	}
	doc, err := decodeJSON(raw)
	if err != nil {
		return nil, false
	}
	if strings.HasPrefix(claim, "/") {
		return lookUp(doc, claim)
	}
	return child(doc, claim)
}

// sealedTexts gathers the texts under names of secrets, at any depth.
func sealedTexts(out []string, v any, sealed bool) []string {
	switch v := v.(type) {
	case string:
		if sealed && len(v) >= minSecret {
			out = append(out, v)
		}
	case map[string]any:
		for name, c := range v {
			out = sealedTexts(out, c, sealed || abi.SealedName(name) || exchanged(name))
		}
	case []any:
		for _, c := range v {
			out = sealedTexts(out, c, sealed)
		}
	}
	return out
}
