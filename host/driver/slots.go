package driver

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// place is where a value stands in a request.
type place struct {
	o     *outgoing
	kind  string // header, query, path, form or json
	name  string // of the header, canonical, of the pair, or the JSON pointer
	index int    // of the segment, counted from 0 behind the base's path
}

// position names the place as a manifest does.
func (p place) position() string {
	if p.kind == "path" {
		return "path:" + strconv.Itoa(p.index)
	}
	return p.kind + ":" + p.name
}

// is reports whether a slot's position is this place. The names of headers
// fold case, the others do not.
func (p place) is(position string) bool {
	kind, rest, ok := strings.Cut(position, ":")
	switch {
	case !ok || kind != p.kind:
		return false
	case kind == "header":
		return strings.EqualFold(rest, p.name)
	case kind == "path":
		return rest == strconv.Itoa(p.index)
	}
	return rest == p.name
}

// inBody reports whether the value is part of a form or a JSON text, which
// escape it.
func (p place) inBody() bool { return p.kind == "form" || p.kind == "json" }

// limit is the longest value, in bytes.
func (p place) limit() int {
	if p.inBody() {
		return 1 << 20
	}
	return 64 << 10
}

// owner is the plugin whose parts a request is made of, and the secrets that
// references in them reach.
type owner struct {
	manifest *abi.Manifest
	auth     *auth.Auth // nil: nothing of a credential
	config   func(name string) string
	signers  map[string]any // *abi.JWTSigner or *abi.HMACSigner
}

func (a *attempt) owner() *owner {
	return &owner{manifest: a.e.manifest, auth: a.auth, config: a.e.opts.ConfigSecret, signers: a.e.signers}
}

// secretName is a reference as a slot names it.
func secretName(ref *abi.SecretRef) string {
	if ref.Which == abi.SecretRefIsConfig {
		return "config:" + ref.Config
	}
	return ref.Credential
}

// text resolves the parts of one value. A value is either text alone, or a
// declared slot: its prefix, then one secret or what a signer makes, or an
// encoding of parts with secrets, and nothing behind it. What looks like a
// reference inside a literal is text.
func (a *attempt) text(parts []abi.Part, at place) (string, error) {
	if len(parts) == 1 && parts[0].Which == abi.PartIsLiteral && len(parts[0].Literal) <= at.limit() {
		return strings.Clone(parts[0].Literal), nil
	}
	if at.o.by == nil {
		at.o.by = a.owner()
	}
	v := value{a: a, at: at}
	for _, p := range parts {
		if err := v.part(p); err != nil {
			return "", err
		}
		if v.out.Len() > at.limit() {
			return "", a.broken("the value at %s is longer than %d bytes", at.position(), at.limit())
		}
	}
	return v.out.String(), nil
}

// value is one that is being put together.
type value struct {
	a      *attempt
	at     place
	out    strings.Builder
	sealed bool // it ends with a secret
}

func (v *value) part(p abi.Part) error {
	if p.Which == abi.PartIsLiteral && p.Literal == "" {
		return nil
	}
	if v.sealed {
		if p.Which == abi.PartIsSecret || p.Which == abi.PartIsSigner {
			return v.a.broken("two secrets at %s; a slot holds one", v.at.position())
		}
		return v.a.broken("text follows a secret at %s; a slot ends with its secret", v.at.position())
	}
	switch p.Which {
	case abi.PartIsLiteral:
		v.out.WriteString(p.Literal)
		return nil
	case abi.PartIsSecret:
		text, err := v.secret(p.Secret, "none")
		if err != nil {
			return err
		}
		v.sealed = true
		v.out.WriteString(text)
		return nil
	case abi.PartIsSigner:
		v.sealed = true
		return v.signer(strings.Clone(p.Signer))
	default:
		text, names, err := v.encode(p.Encode, 1)
		if err != nil {
			return err
		}
		v.sealed = len(names) > 0
		v.out.WriteString(text)
		return nil
	}
}

// secret returns a secret's value, if the manifest has a slot for it here, with
// what was written so far as its prefix.
func (v *value) secret(ref *abi.SecretRef, encoding string) (string, error) {
	a, at, by := v.a, v.at, v.at.o.by
	name := strings.Clone(secretName(ref))
	if err := v.slot(name, encoding); err != nil {
		return "", err
	}
	at.o.carries = append(at.o.carries, name)
	if config, ok := strings.CutPrefix(name, "config:"); ok {
		text := ""
		if by.config != nil {
			text = by.config(config)
		}
		if text == "" {
			return "", a.e.unconfigured(config)
		}
		return text, nil
	}
	text := secret(by.auth, name)
	bare := encoding == "none" && !at.inBody()
	if text == "" || bare && strings.ContainsFunc(text, isControl) {
		return "", &executor.UpstreamError{
			Status: codes["auth_invalid"].status, Code: "auth_invalid", CredentialScope: true,
			Message: "the credential's field " + name + " is empty or holds a control character; set it again",
		}
	}
	return text, nil
}

// slot refuses what no slot of the manifest allows, and what belongs to a token
// request in any other: its answer would hold new secrets.
func (v *value) slot(name, encoding string) error {
	a, at, prefix := v.a, v.at, v.out.String()
	if !at.o.by.declared(name, prefix, encoding, at) {
		kind := "secret"
		if strings.HasPrefix(name, "signer:") {
			kind = "signer"
		}
		return a.broken("no slot allows the %s %q at %s of a %s to destination %s with the prefix %q and the encoding %s",
			kind, short(name), at.position(), at.o.method, at.o.name, short(prefix), encoding)
	}
	if !at.o.token && (at.inBody() || exchanged(name)) {
		return a.broken("the secret %q at %s belongs to a token request; send it with deliver exchange", short(name), at.position())
	}
	return nil
}

// exchanged reports whether a secret of this name is one that is exchanged for
// others.
func exchanged(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "")
	for _, part := range []string{"refreshtoken", "clientsecret", "devicecode", "authorizationcode", "codeverifier", "assertion"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return name == "code"
}

// declared reports whether the manifest has a slot for exactly this.
func (w *owner) declared(name, prefix, encoding string, at place) bool {
	switch kind := w.manifest.Credential.Fields[name].Kind; {
	case kind != "" && kind != abi.FieldSecret:
		return false
	case w.auth == nil && !strings.Contains(name, ":"):
		return false
	}
	return slices.ContainsFunc(w.manifest.Slots, func(s abi.Slot) bool {
		want := s.Encoding
		if want == "" {
			want = "none"
		}
		return s.Secret == name && s.Destination == at.o.name && s.Prefix == prefix && want == encoding &&
			slices.Contains(s.Methods, at.o.method) && at.is(s.Position)
	})
}

// unconfigured is a secret of the configuration that has no value: the
// operator's to set, and no credential's fault.
func (e *Executor) unconfigured(name string) error {
	err := newPluginError(&abi.CallError{Plugin: e.manifest.ID, Op: abi.OpExecute, Fault: abi.FaultProtocol,
		Detail: "its configuration has no value for the secret " + name})
	err.Public = &auth.Error{Code: auth.CodePlugin, HTTPStatus: http.StatusBadGateway,
		Message: "the plugin " + e.manifest.ID + " is not configured: set " + name + " in its configuration"}
	return err
}
