//go:build !wasip1

package abi

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Kinds of a signer. SigV4's is laid down and served by no host yet.
const (
	SignerJWT   = "jwt"
	SignerHMAC  = "hmac"
	SignerSigV4 = "sigv4"
)

// MaxJWTLifetime is the longest that an assertion of a signer may live.
const MaxJWTLifetime = time.Hour

// DefaultJWTLifetime is how long one lives when the manifest does not say.
const DefaultJWTLifetime = 5 * time.Minute

// ValueSource names where the host finds a value of a signer: a field of the
// credential, or a secret of the plugin's configuration, and in it, when it is
// JSON, what a pointer leads to.
type ValueSource struct {
	// Name of the field.
	Name string
	// Config says that it is a field of the configuration.
	Config bool
	// Pointer is a JSON pointer, empty for the whole value.
	Pointer string
}

// ParseSource reads a source: FIELD, config:NAME, or either with #/POINTER
// behind it.
func ParseSource(s string) ValueSource {
	name, pointer, _ := strings.Cut(s, "#")
	name, config := strings.CutPrefix(name, "config:")
	return ValueSource{Name: name, Config: config, Pointer: pointer}
}

// JWTSigner are the parameters of a signer of kind jwt. What it makes is an
// assertion: the host writes iat, exp and jti.
type JWTSigner struct {
	// Alg is RS256 or ES256.
	Alg string
	// Key is a private key, PEM.
	Key ValueSource
	// Issuer is the claim iss; Subject is sub and KeyID the header kid where
	// they have a name.
	Issuer, Subject, KeyID ValueSource
	// Audience is the claim aud, Scopes the claim scope.
	Audience, Scopes string
	// Lifetime is from iat to exp, at most MaxJWTLifetime.
	Lifetime time.Duration
}

// HMACSigner are the parameters of a signer of kind hmac: the keyed hash of the
// covered parts, each but the last with a line feed behind it.
type HMACSigner struct {
	Key ValueSource
	// Hash is sha256 or sha512.
	Hash string
	// Encoding of the hash: hex, base64 or base64url.
	Encoding string
	// Cover lists what is covered, in order: method, host, path, query,
	// timestamp, body, and header:NAME.
	Cover []string
	// TimestampHeader is the header in which the host writes the time; empty
	// when none is covered. TimestampFormat is unix, unix_ms or rfc3339.
	TimestampHeader, TimestampFormat string
}

// ParamsOf reads the parameters of a signer: a *JWTSigner or an *HMACSigner. It
// checks all that can be told without the rest of the manifest; the error says
// which parameter is wrong.
func (s Signer) ParamsOf() (any, error) {
	p := params{left: maps.Clone(s.Params)}
	var out any
	switch s.Kind {
	case SignerJWT:
		out = p.jwt()
	case SignerHMAC:
		out = p.hmac()
	default:
		return nil, fmt.Errorf("the kind %s is not in this build of the host", s.Kind)
	}
	for _, name := range slices.Sorted(maps.Keys(p.left)) {
		p.fail("%s is not a parameter of kind %s", name, s.Kind)
	}
	return out, p.err
}

// params takes parameters out of a map; what is left is unknown.
type params struct {
	left map[string]string
	err  error
}

func (p *params) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *params) take(name, otherwise string) string {
	v, ok := p.left[name]
	delete(p.left, name)
	if !ok || v == "" {
		return otherwise
	}
	if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		p.fail("%s holds a control character", name)
	}
	return v
}

func (p *params) need(name string) string {
	v := p.take(name, "")
	if v == "" {
		p.fail("%s is missing", name)
	}
	return v
}

func (p *params) source(name string, required bool) ValueSource {
	s := ParseSource(p.take(name, ""))
	switch {
	case s.Name == "" && (required || s.Pointer != ""):
		p.fail("%s is missing", name)
	case s.Pointer != "" && !strings.HasPrefix(s.Pointer, "/"):
		p.fail("%s: what follows # must be a JSON pointer", name)
	}
	return s
}

func (p *params) oneOf(name string, allowed ...string) string {
	v := p.take(name, allowed[0])
	if !slices.Contains(allowed, v) {
		p.fail("%s must be one of %s", name, strings.Join(allowed, ", "))
	}
	return v
}

func (p *params) jwt() *JWTSigner {
	s := &JWTSigner{
		Alg: p.oneOf("alg", "RS256", "ES256"), Key: p.source("key", true), Issuer: p.source("issuer", true),
		Subject: p.source("subject", false), KeyID: p.source("key_id", false),
		Audience: p.need("audience"), Scopes: p.take("scopes", ""), Lifetime: DefaultJWTLifetime,
	}
	if raw := p.take("lifetime", ""); raw != "" {
		d, err := time.ParseDuration(raw)
		if err != nil || d < time.Second || d > MaxJWTLifetime {
			p.fail("lifetime must be a duration from 1s to 1h")
		}
		s.Lifetime = d
	}
	return s
}

func (p *params) hmac() *HMACSigner {
	s := &HMACSigner{
		Key: p.source("key", true), Hash: p.oneOf("hash", "sha256", "sha512"),
		Encoding: p.oneOf("encoding", "hex", "base64", "base64url"),
		Cover:    strings.Fields(p.need("cover")), TimestampHeader: p.take("timestamp_header", ""),
	}
	stamped := false
	for i, part := range s.Cover {
		header, isHeader := strings.CutPrefix(part, "header:")
		switch {
		case slices.Contains(s.Cover[:i], part):
			p.fail("cover names %s twice", part)
		case isHeader && (header == "" || HostHeader(header)):
			p.fail("cover: the header %q is written by the host alone", header)
		case part == "timestamp":
			stamped = true
		case !isHeader && !slices.Contains([]string{"method", "host", "path", "query", "body"}, part):
			p.fail("cover: %s is not one of method, host, path, query, timestamp, body, header:NAME", part)
		}
	}
	if stamped != (s.TimestampHeader != "") {
		p.fail("timestamp_header goes with cover timestamp, and the other way round")
	}
	if stamped {
		s.TimestampFormat = p.oneOf("timestamp_format", "unix", "unix_ms", "rfc3339")
		if HostHeader(s.TimestampHeader) {
			p.fail("the header %s is written by the host alone", s.TimestampHeader)
		}
	}
	return s
}
