package login

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/url"
)

// proof is what ties an authorization response to the login that asked for it.
// The host makes it, and no guest sees it.
type proof struct {
	// state goes to the login page and comes back (RFC 6749 section 10.12).
	state string
	// verifier stays here until the code is exchanged (RFC 7636).
	verifier string
}

// newProof makes a proof of 256 random bits each.
func newProof() proof {
	return proof{state: random(), verifier: random()}
}

func random() string {
	var b [32]byte
	rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// matches compares in a time that does not depend on where the two differ.
func (p proof) matches(state string) bool {
	return p.state != "" && subtle.ConstantTimeCompare([]byte(p.state), []byte(state)) == 1
}

// challenge is the S256 challenge of the verifier.
func (p proof) challenge() string {
	sum := sha256.Sum256([]byte(p.verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// address completes the address of a login page. What the guest wrote for the
// host's parameters does not count.
func (p proof) address(page, redirect string) (string, error) {
	u, err := url.Parse(page)
	if err != nil {
		return "", &Error{Code: CodeFailed, Message: "the address of the login page is not usable"}
	}
	q := u.Query()
	q.Set("state", p.state)
	q.Set("code_challenge", p.challenge())
	q.Set("code_challenge_method", "S256")
	if redirect != "" {
		q.Set("redirect_uri", redirect)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}
