package driver

import (
	"fmt"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// unsigned is a header whose signature is made once the rest is final.
type unsigned struct {
	signer *abi.HMACSigner
	by     *owner
	name   string // of the header, canonical
	index  int    // among the values of that header
}

// compileSigners reads the parameters of a manifest's signers. One of a kind
// that this build does not have is refused at load, and here when it is used.
func compileSigners(m *abi.Manifest) (map[string]any, error) {
	signers := map[string]any{}
	for _, s := range m.Signers {
		if s.Kind == abi.SignerSigV4 {
			continue
		}
		params, err := s.ParamsOf()
		if err != nil {
			return nil, fmt.Errorf("signer %s: %w", s.Name, err)
		}
		signers[s.Name] = params
	}
	return signers, nil
}

// signer puts a signature into its slot: an assertion now, a hash over the
// request when that is final.
func (v *value) signer(name string) error {
	a, at, by := v.a, v.at, v.at.o.by
	if err := v.slot("signer:"+name, "none"); err != nil {
		return err
	}
	switch s := by.signers[name].(type) {
	case *abi.JWTSigner:
		if !at.o.token {
			return a.broken("the assertion of signer %s at %s belongs to a token request; send it with deliver exchange", short(name), at.position())
		}
		text, err := by.assertion(s, a.e.opts.Now())
		if err != nil {
			return signerFault(name, err)
		}
		a.scrubber().learn(text)
		v.out.WriteString(text)
	case *abi.HMACSigner:
		if at.kind != "header" {
			return a.broken("the signer %s covers the request and stands in a header, not at %s", short(name), at.position())
		}
		at.o.unsigned = append(at.o.unsigned, unsigned{signer: s, by: by, name: at.name, index: len(at.o.header[at.name])})
	default:
		return a.broken("the signer %s is not in this build of the host", short(name))
	}
	at.o.carries = append(at.o.carries, "signer:"+name)
	return nil
}

// sign makes the signatures over the final request, in the order in which they
// were asked for: the provider's, then those of interceptors.
func (a *attempt) sign(o *outgoing) error {
	for _, u := range o.unsigned {
		text, err := u.by.hash(u.signer, o, a.e.opts.Now())
		if err != nil {
			return signerFault("hmac", err)
		}
		a.scrubber().learn(text)
		o.header[u.name][u.index] += text
	}
	return nil
}

// signerFault is a key that nobody can sign with, which the operator has to
// mend.
func signerFault(name string, err error) error {
	return &executor.UpstreamError{
		Status: codes["auth_invalid"].status, Code: "auth_invalid", CredentialScope: true,
		Message: "the signer " + name + " cannot sign: " + err.Error(),
	}
}

// source returns what a signer's parameter names. Errors name fields, never
// values.
func (w *owner) source(from abi.ValueSource) (string, error) {
	var held any
	switch {
	case from.Config:
		if w.config != nil {
			held = w.config(from.Name)
		}
	case w.auth != nil:
		if held = w.auth.Metadata[from.Name]; held == nil {
			held = field(w.manifest, w.auth, from.Name)
		}
	}
	if from.Pointer != "" {
		doc, err := objectIn(held)
		if err != nil {
			return "", fmt.Errorf("the field %s %w", from.Name, err)
		}
		held, _ = lookUp(doc, from.Pointer)
	}
	text, _ := held.(string)
	if text == "" {
		return "", fmt.Errorf("the field %s has no text at %q", from.Name, from.Pointer)
	}
	return text, nil
}

// objectIn returns the JSON that a field holds, as text or taken apart.
func objectIn(v any) (any, error) {
	text, ok := v.(string)
	if !ok {
		return v, nil
	}
	doc, err := decodeJSON([]byte(strings.TrimSpace(text)))
	if err != nil {
		return nil, fmt.Errorf("does not hold JSON")
	}
	return doc, nil
}
