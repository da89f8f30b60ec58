package driver

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
)

const contentTypeForm = "application/x-www-form-urlencoded"

// Bounds of a body with slots.
const (
	maxTemplate = 1 << 20
	maxValues   = 100
)

// fields makes a body with slots. It is the whole body: one that carries a
// prompt has none.
func (a *attempt) fields(o *outgoing, p abi.BodyPart) error {
	if p.Which == abi.BodyPartIsForm {
		return a.form(o, p.Form.Values)
	}
	return a.json(o, p.JSON)
}

func (a *attempt) form(o *outgoing, values []abi.NamedValue) error {
	if len(values) > maxValues {
		return a.broken("a form has more than %d values", maxValues)
	}
	var out bytes.Buffer
	for _, v := range values {
		text, err := a.text(v.Parts, place{o: o, kind: "form", name: strings.Clone(v.Name)})
		if err != nil {
			return err
		}
		if out.Len() > 0 {
			out.WriteByte('&')
		}
		out.WriteString(url.QueryEscape(v.Name) + "=" + url.QueryEscape(text))
	}
	o.body = out.Bytes()
	if o.header.Get("Content-Type") == "" {
		o.header.Set("Content-Type", contentTypeForm)
	}
	return nil
}

func (a *attempt) json(o *outgoing, b *abi.JsonBody) error {
	if len(b.Template) > maxTemplate || len(b.Values) > maxValues {
		return a.broken("a json body is longer than 1 MiB or has more than %d values", maxValues)
	}
	doc, err := decodeJSON(b.Template)
	if err != nil {
		return a.broken("the template of a json body is not JSON")
	}
	for _, v := range b.Values {
		text, err := a.text(v.Parts, place{o: o, kind: "json", name: strings.Clone(v.Name)})
		if err != nil {
			return err
		}
		if !setAt(doc, v.Name, text) {
			return a.broken("json body: %q is no place in the template; its parent must be there", short(v.Name))
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return a.broken("the template of a json body does not encode")
	}
	o.body = bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	if o.header.Get("Content-Type") == "" {
		o.header.Set("Content-Type", "application/json")
	}
	return nil
}

// decodeJSON reads one JSON value and nothing behind it. Numbers keep their
// digits.
func decodeJSON(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is text after the value")
	}
	return v, nil
}

var pointerEscapes = strings.NewReplacer("~1", "/", "~0", "~")

// lookUp follows a JSON pointer (RFC 6901).
func lookUp(v any, pointer string) (any, bool) {
	if pointer == "" {
		return v, true
	}
	rest, ok := strings.CutPrefix(pointer, "/")
	if !ok {
		return nil, false
	}
	for name := range strings.SplitSeq(rest, "/") {
		if v, ok = child(v, pointerEscapes.Replace(name)); !ok {
			return nil, false
		}
	}
	return v, true
}

func child(v any, name string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		c, ok := v[name]
		return c, ok
	case map[string]string:
		c, ok := v[name]
		return c, ok
	case []any:
		i, ok := elementOf(v, name)
		if !ok {
			return nil, false
		}
		return v[i], true
	}
	return nil, false
}

func elementOf(v []any, name string) (int, bool) {
	i, err := strconv.ParseUint(name, 10, 31)
	return int(i), err == nil && int(i) < len(v) && strconv.FormatUint(i, 10) == name
}

// setAt sets a member of an object or an element of an array that are there.
func setAt(v any, pointer, text string) bool {
	cut := strings.LastIndexByte(pointer, '/')
	if cut < 0 {
		return false
	}
	parent, ok := lookUp(v, pointer[:cut])
	if !ok {
		return false
	}
	name := pointerEscapes.Replace(pointer[cut+1:])
	switch parent := parent.(type) {
	case map[string]any:
		parent[name] = text
		return true
	case []any:
		i, ok := elementOf(parent, name)
		if ok {
			parent[i] = text
		}
		return ok
	}
	return false
}
