package plugins

import (
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
)

// checkSigners holds the parameters of signers: what they may sign is fixed
// here, and nothing of it is left to a request.
func checkSigners(m *abi.Manifest, add func(string, ...any)) {
	seen := map[string]bool{}
	for _, s := range m.Signers {
		if seen[s.Name] {
			add("signer %s is there twice", s.Name)
		}
		seen[s.Name] = true
		if s.Kind == abi.SignerSigV4 { // not of this build: missing says so
			continue
		}
		params, err := s.ParamsOf()
		if err != nil {
			add("signer %s: %s", s.Name, printableLine(err.Error()))
			continue
		}
		secret := func(what string, from abi.ValueSource) {
			if !isSecret(m, from) {
				add("signer %s: %s names no secret field of the credential and no config_secrets", s.Name, what)
			}
		}
		known := func(what string, from abi.ValueSource) {
			if _, field := m.Credential.Fields[from.Name]; from.Name != "" && !isSecret(m, from) && (from.Config || !field) {
				add("signer %s: %s names no field of the credential and no config_secrets", s.Name, what)
			}
		}
		switch p := params.(type) {
		case *abi.JWTSigner:
			secret("key", p.Key)
			known("issuer", p.Issuer)
			known("subject", p.Subject)
			known("key_id", p.KeyID)
		case *abi.HMACSigner:
			secret("key", p.Key)
		}
	}
}

func isSecret(m *abi.Manifest, from abi.ValueSource) bool {
	if from.Config {
		return slices.Contains(m.ConfigSecrets, from.Name)
	}
	f, ok := m.Credential.Fields[from.Name]
	return ok && (f.Kind == "" || f.Kind == abi.FieldSecret)
}

// checkSignerSlot holds a slot signer:NAME.
func checkSignerSlot(m *abi.Manifest, i int, s abi.Slot, name string, add func(string, ...any)) {
	at := slices.IndexFunc(m.Signers, func(s abi.Signer) bool { return s.Name == name })
	if at < 0 {
		add("slot %d: there is no signer %s", i, name)
		return
	}
	if s.Encoding != "" && s.Encoding != "none" {
		add("slot %d: what a signer makes has its encoding already", i)
	}
	params, err := m.Signers[at].ParamsOf()
	if err != nil { // told of the signer
		return
	}
	hmac, ok := params.(*abi.HMACSigner)
	if !ok {
		return
	}
	// It is made over the final bytes, so it can stand only where it changes
	// nothing of what it covers.
	header, ok := strings.CutPrefix(s.Position, "header:")
	if !ok {
		add("slot %d: an hmac stands in a header, not at %s", i, s.Position)
		return
	}
	for _, covered := range hmac.Cover {
		if name, ok := strings.CutPrefix(covered, "header:"); ok && strings.EqualFold(name, header) {
			add("slot %d: signer %s covers the header %s in which it stands", i, m.Signers[at].Name, header)
		}
	}
	if strings.EqualFold(hmac.TimestampHeader, header) {
		add("slot %d: the host writes the time into the header %s", i, header)
	}
}

// printableLine is printable for a line with blanks.
func printableLine(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		words[i] = printable(w)
	}
	return strings.Join(words, " ")
}
