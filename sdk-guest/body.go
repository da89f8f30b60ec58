package guest

import (
	"github.com/patchbay-dev/patchbay/abi"
)

// Field is a value of a form, or one that the host writes into a JSON text at
// a JSON pointer.
type Field = abi.NamedValue

// Value makes a Field of parts.
func Value(name string, parts ...Part) Field { return Field{Name: name, Parts: parts} }

// Form makes an application/x-www-form-urlencoded text the request's body. A
// secret stands in it in a slot form:NAME.
func (s *Send) Form(fields ...Field) *Send {
	return s.Header("Content-Type", "application/x-www-form-urlencoded").
		Body(abi.BodyPart{Which: abi.BodyPartIsForm, Form: &abi.Form{Values: fields}})
}

// JSONFields makes a JSON text the request's body, into which the host writes
// the fields as strings, each at its JSON pointer. A secret stands in it in a
// slot json:POINTER.
func (s *Send) JSONFields(template []byte, fields ...Field) *Send {
	return s.json(abi.BodyPart{Which: abi.BodyPartIsJSON, JSON: &abi.JsonBody{Template: template, Values: fields}})
}

// Signer stands for the output of a signer that the manifest declares.
func Signer(name string) Part { return Part{Which: abi.PartIsSigner, Signer: name} }

// Encoded stands for parts in an encoding, such as abi.EncodingBase64.
func Encoded(encoding abi.Encoding, parts ...Part) Part {
	return Part{Which: abi.PartIsEncode, Encode: &abi.Encode{Encoding: encoding, Parts: parts}}
}

// Unwrap makes Pass give the client only the member at path of each event, or
// of the answer.
func (s *Send) Unwrap(path string) *Send {
	s.send.Unwrap = path
	return s
}

// Inspect shows Provider.Events the first n events, or the step of Step an
// answer of at most 64 KiB, before Pass gives anything to the client.
func (s *Send) Inspect(n int) *Send {
	s.send.Inspect = uint32(max(n, 0))
	return s
}
