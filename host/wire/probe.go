package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how deep a request body may nest objects and arrays.
const MaxDepth = 1000

// MaxModelName is how long the name of a model may be, in bytes.
const MaxModelName = 512

// Probed is what routing needs to know of a request body.
type Probed struct {
	// Model is never empty for a format whose body names a model.
	Model string
	// Stream: the client asked for a stream.
	Stream bool
}

// ProbeError says why a request body was refused. Its text is for the client.
type ProbeError struct {
	// Param is the member at fault; empty when it is the body as a whole.
	Param   string
	Message string
}

// Error returns the message.
func (e *ProbeError) Error() string { return e.Message }

// Probe reads the model and the stream flag of a request body in one pass, and
// refuses a body that two parsers could read differently: what is routed by is
// then what the provider reads. Refused are invalid JSON, invalid UTF-8,
// anything but an object, nesting beyond MaxDepth, and a member model or
// stream that occurs twice, in any spelling. An error is a *ProbeError.
// spec: faults.md K-06, K-07.
func Probe(f Format, body []byte) (Probed, error) {
	spec := formats[f]
	top, err := scanBody(body)
	if err != nil {
		return Probed{}, err
	}
	var p Probed
	if spec.modelMember {
		if p.Model, err = modelName(body, top.model); err != nil {
			return Probed{}, err
		}
	}
	if spec.streamMember && top.stream.found {
		switch raw := string(body[top.stream.from:top.stream.to]); raw {
		case "true":
			p.Stream = true
		case "false", "null":
		default:
			return Probed{}, &ProbeError{Param: "stream", Message: "stream must be true or false"}
		}
	}
	return p, nil
}

// SetModel returns body with the member model set to model; every other byte
// stays as it is. It returns body itself when the model is already that one,
// and never changes it. An error is a *ProbeError.
func SetModel(f Format, body []byte, model string) ([]byte, error) {
	if !HasModel(f) {
		return body, nil
	}
	top, err := scanBody(body)
	if err != nil {
		return nil, err
	}
	quoted, err := json.Marshal(model)
	if err != nil { // a string always marshals
		panic(err)
	}
	if !top.model.found {
		out := make([]byte, 0, len(body)+len(quoted)+10)
		out = append(out, body[:top.open]...)
		out = append(out, `"model":`...)
		out = append(out, quoted...)
		if !top.empty {
			out = append(out, ',')
		}
		return append(out, body[top.open:]...), nil
	}
	raw := body[top.model.from:top.model.to]
	if old, ok := unquote(raw); ok && old == model {
		return body, nil
	}
	out := make([]byte, 0, len(body)+len(quoted))
	out = append(out, body[:top.model.from]...)
	out = append(out, quoted...)
	return append(out, body[top.model.to:]...), nil
}

func modelName(body []byte, s span) (string, error) {
	refuse := func(format string, args ...any) (string, error) {
		return "", &ProbeError{Param: "model", Message: fmt.Sprintf(format, args...)}
	}
	if !s.found {
		return refuse("you must provide a model")
	}
	name, ok := unquote(body[s.from:s.to])
	switch {
	case !ok:
		return refuse("model must be a string")
	case name == "":
		return refuse("you must provide a model")
	case len(name) > MaxModelName:
		return refuse("model is longer than %d bytes", MaxModelName)
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return refuse("model holds a character that no model name has")
		}
	}
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "." || segment == ".." {
			return refuse("model holds a path segment that is %q", segment)
		}
	}
	return name, nil
}

// unquote returns the text of a JSON string, and false for another value. Raw is
// a value that scanBody has checked.
func unquote(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}
