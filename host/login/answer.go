package login

import (
	"maps"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Bounds of what comes back, in bytes.
const (
	maxQuery = 16 << 10
	maxCode  = 8 << 10
	maxExtra = 1 << 10
	maxValue = 8 << 10
)

// answer is an authorization response (RFC 6749 section 4.1.2).
type answer struct {
	code, state string
	// denied is the error code of a refusal, reason its description.
	denied, reason string
	// extra are the other pairs, without those that could be secret.
	extra map[string]string
}

// hiddenNames are never given to a guest: they are secret by nature, or the
// host's own business.
var hiddenNames = []string{"code", "state", "session", "assertion", "ticket"}

// parseQuery reads the query of a callback. A pair that occurs twice is
// refused: two readers would read different things.
func parseQuery(raw string) (answer, error) {
	bad := func(what string) (answer, error) {
		return answer{}, &Error{Code: CodeInvalid, Message: "the answer of the login page is not usable: " + what}
	}
	if len(raw) > maxQuery {
		return bad("it is too long")
	}
	pairs, err := url.ParseQuery(raw)
	if err != nil {
		return bad("it is not a query")
	}
	a := answer{extra: map[string]string{}}
	for name, values := range pairs {
		if len(values) != 1 {
			return bad("a name occurs twice")
		}
		v := values[0]
		if !plain(v) {
			return bad("it holds a control character")
		}
		switch name {
		case "code":
			a.code = v
		case "state":
			a.state = v
		case "error":
			a.denied = cut(v, 64)
		case "error_description":
			a.reason = cut(v, 256)
		default:
			if plain(name) && len(name) <= 64 && len(v) <= maxExtra && !hidden(name) {
				a.extra[name] = v
			}
		}
	}
	switch {
	case len(a.code) > maxCode:
		return bad("the code is too long")
	case a.code == "" && a.denied == "":
		return bad("it holds no code")
	case a.denied != "":
		a.code = ""
	}
	return a, nil
}

// parsePaste reads what a person pasted: the address at which the browser
// ended, CODE#STATE, or a code alone.
func parsePaste(text string) (answer, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxQuery {
		return answer{}, &Error{Code: CodeInvalid, Message: "what was pasted is too long"}
	}
	if scheme, _, is := strings.Cut(text, "://"); is && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) {
		u, err := url.Parse(text)
		if err != nil {
			return answer{}, &Error{Code: CodeInvalid, Message: "what was pasted is not an address"}
		}
		return parseQuery(u.RawQuery)
	}
	code, state, _ := strings.Cut(text, "#")
	if code == "" || len(code) > maxCode || !plain(code) || !plain(state) || strings.ContainsAny(text, " \t") {
		return answer{}, &Error{Code: CodeInvalid, Message: "what was pasted is no code: paste the code, or the whole address at which the browser ended"}
	}
	return answer{code: code, state: state}, nil
}

// hidden reports whether a pair may hold a secret, by its name.
func hidden(name string) bool {
	name = strings.ToLower(name)
	for _, part := range hiddenNames {
		if strings.Contains(name, part) {
			return true
		}
	}
	return sealed(name)
}

// sealedParts are parts of names whose values nobody is shown: those that a
// manifest cannot make public.
var sealedParts = [...]string{"token", "key", "secret", "cookie", "password", "private", "authorization"}

func sealed(name string) bool {
	name = strings.ToLower(name)
	for _, part := range sealedParts {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// fill reads the answers to a form's fields. Secret ones go to secrets, those
// that the credential keeps to kept, and what a guest may see to shown.
func fill(fields []auth.LoginField, answers map[string]string) (secrets, kept, shown map[string]string, err error) {
	secrets, kept, shown = map[string]string{}, map[string]string{}, map[string]string{}
	left := maps.Clone(answers)
	for _, f := range fields {
		v := strings.TrimSpace(left[f.Name])
		delete(left, f.Name)
		switch {
		case v == "" && f.Required:
			return nil, nil, nil, &Error{Code: CodeInvalid, Message: "the field " + f.Name + " is required"}
		case v == "":
			continue
		case len(v) > maxValue || !plain(v):
			return nil, nil, nil, &Error{Code: CodeInvalid, Message: "the field " + f.Name + " is too long or holds a control character"}
		case f.Secret:
			secrets[f.Name] = v
			continue
		case f.Stored:
			kept[f.Name] = v
		}
		shown[f.Name] = v
	}
	if len(left) > 0 {
		return nil, nil, nil, &Error{Code: CodeInvalid, Message: "an answer was given that nobody asked for"}
	}
	return secrets, kept, shown, nil
}

// plain reports whether s is text without control characters.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func cut(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return s
}
