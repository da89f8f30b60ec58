package driver

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
)

// maxEncodings is how deep encodings of text may nest. A secret stands in one
// at most: in more than one, nobody would know it again in an answer.
const maxEncodings = 4

// encodingNames are the encodings as a slot names them.
var encodingNames = map[abi.Encoding]string{
	abi.EncodingBase64: "base64", abi.EncodingBase64URL: "base64url", abi.EncodingHex: "hex",
	abi.EncodingJSON: "json", abi.EncodingForm: "form", abi.EncodingPath: "path",
}

// encode returns an encoding of parts, and the secrets in it.
func (v *value) encode(e *abi.Encode, depth int) (string, []string, error) {
	position := v.at.position()
	name := encodingNames[e.Encoding]
	switch {
	case name == "":
		return "", nil, v.a.broken("an encoding %s at %s is not in this build of the host", e.Encoding, position)
	case depth > maxEncodings:
		return "", nil, v.a.broken("encodings at %s nest deeper than %d", position, maxEncodings)
	}
	var inner strings.Builder
	var names []string
	for _, p := range e.Parts {
		text := p.Literal
		switch p.Which {
		case abi.PartIsLiteral:
		case abi.PartIsSecret:
			if depth > 1 {
				return "", nil, v.a.broken("a secret at %s stands in two encodings; a slot has one", position)
			}
			var err error
			if text, err = v.secret(p.Secret, name); err != nil {
				return "", nil, err
			}
			names = append(names, secretName(p.Secret))
		case abi.PartIsSigner:
			return "", nil, v.a.broken("what a signer makes at %s has its encoding already", position)
		default:
			var err error
			if text, _, err = v.encode(p.Encode, depth+1); err != nil {
				return "", nil, err
			}
		}
		if inner.Len()+len(text) > v.at.limit() {
			return "", nil, v.a.broken("the value at %s is longer than %d bytes", position, v.at.limit())
		}
		inner.WriteString(text)
	}
	return encoded(e.Encoding, inner.String()), names, nil
}

// encoded is a text in one encoding. JSON is what stands between the quotes of
// a string.
func encoded(as abi.Encoding, s string) string {
	switch as {
	case abi.EncodingBase64:
		return base64.StdEncoding.EncodeToString([]byte(s))
	case abi.EncodingBase64URL:
		return base64.RawURLEncoding.EncodeToString([]byte(s))
	case abi.EncodingHex:
		return hex.EncodeToString([]byte(s))
	case abi.EncodingJSON:
		return quoted(s)
	case abi.EncodingForm:
		return url.QueryEscape(s)
	default: // path; encode knows no others
		return url.PathEscape(s)
	}
}

// quoted returns v as it stands in a JSON string, without the escapes for HTML.
func quoted(v string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil { // a string always encodes
		return v
	}
	text := strings.TrimSuffix(b.String(), "\n")
	return text[1 : len(text)-1]
}
