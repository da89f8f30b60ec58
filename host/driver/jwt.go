package driver

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/patchbay-dev/patchbay/abi"
)

// minRSABits is the shortest RSA key that signs.
const minRSABits = 2048

// assertion makes a signed JWT, as RFC 7523 has it: when it was made, how long
// it lives and its id are the host's.
func (w *owner) assertion(s *abi.JWTSigner, now time.Time) (string, error) {
	claims := jwt.MapClaims{
		"aud": s.Audience, "iat": now.Unix(), "exp": now.Add(min(s.Lifetime, abi.MaxJWTLifetime)).Unix(), "jti": rand.Text(),
	}
	var err error
	if claims["iss"], err = w.source(s.Issuer); err != nil {
		return "", err
	}
	if s.Subject.Name != "" {
		if claims["sub"], err = w.source(s.Subject); err != nil {
			return "", err
		}
	}
	if s.Scopes != "" {
		claims["scope"] = s.Scopes
	}
	raw, err := w.source(s.Key)
	if err != nil {
		return "", err
	}
	method, key, err := signingKey(s.Alg, raw)
	if err != nil {
		return "", err
	}
	token := jwt.NewWithClaims(method, claims)
	if s.KeyID.Name != "" {
		if token.Header["kid"], err = w.source(s.KeyID); err != nil {
			return "", err
		}
	}
	text, err := token.SignedString(key)
	if err != nil {
		return "", errors.New("its key does not sign")
	}
	return text, nil
}

// signingKey reads a private key. What is wrong with it is not repeated, since
// it may be the key.
func signingKey(alg, pem string) (jwt.SigningMethod, crypto.PrivateKey, error) {
	if alg == "ES256" {
		key, err := jwt.ParseECPrivateKeyFromPEM([]byte(pem))
		if err != nil || key.Curve != elliptic.P256() {
			return nil, nil, errors.New("its key is not a PEM private key on the curve P-256")
		}
		return jwt.SigningMethodES256, key, nil
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(pem))
	if err != nil || key.N.BitLen() < minRSABits {
		return nil, nil, errors.New("its key is not a PEM private key of RSA with at least 2048 bits")
	}
	return jwt.SigningMethodRS256, key, nil
}
