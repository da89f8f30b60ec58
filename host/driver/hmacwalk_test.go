package driver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
)

// TestInterceptSigns: an interceptor's own key signs the body as it is sent, with
// its edits and the host's model in it (walk 9). Without a key nothing is sent,
// and no credential is to blame.
func TestInterceptSigns(t *testing.T) {
	const key = "interceptors-own-key"
	m := &abi.Manifest{
		ID: "signs", ConfigSecrets: []string{"key"},
		Destinations: []abi.Destination{{Name: "up", Provider: "fake", Methods: []string{"POST"}}},
		Signers:      []abi.Signer{{Name: "body", Kind: "hmac", Params: map[string]string{"key": "config:key", "cover": "body"}}},
		Slots:        []abi.Slot{{Secret: "signer:body", Destination: "up", Methods: []string{"POST"}, Position: "header:X-Body-Signature", Prefix: "sha256="}},
	}
	g := hooked(func(_ abi.Op, input []byte) []abi.Action {
		r := read(t, input, &abi.InterceptInput{}).Request
		r.Headers = append(r.Headers, abi.NamedValue{Name: "x-body-signature", Parts: append(lit("sha256="), abi.Part{Which: abi.PartIsSigner, Signer: "body"})})
		r.Body[0].ClientBody.Edits = []abi.Edit{{Which: abi.EditIsSet, Path: "signed", Set: []byte("true")}}
		return prepared(r)
	})
	for _, have := range []string{key, ""} {
		i, err := NewInterceptor(g, m, abi.Preparer{Name: "signs", Providers: []string{"fake"}}, Options{ConfigSecret: func(string) string { return have }})
		if err != nil {
			t.Fatal(err)
		}
		h, body, err := intercepting(t, i)
		if have == "" {
			if u := upstreamError(t, err); h != nil || !u.RequestScope || u.CredentialScope {
				t.Errorf("without a key: %+v, arrived %v", u, h)
			}
			continue
		}
		sum := hmac.New(sha256.New, []byte(key))
		sum.Write([]byte(body))
		if want := "sha256=" + hex.EncodeToString(sum.Sum(nil)); err != nil || h.Get("X-Body-Signature") != want || !strings.Contains(body, `"signed":true`) {
			t.Errorf("signature %q of %s, want %q, %v", h.Get("X-Body-Signature"), body, want, err)
		}
	}
}
