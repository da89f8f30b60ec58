package credfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxDepth is how deep objects and lists may stand in each other.
const maxDepth = 16

var errSyntax = errors.New("it is not a JSON object, or not all of one")

// object reads one JSON object and nothing behind it. A key that stands there
// twice is refused: two readers would not agree on what it means.
func object(raw []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))))
	dec.UseNumber()
	v, err := value(dec, 0)
	if err != nil {
		return nil, err
	}
	top, ok := v.(map[string]any)
	if !ok {
		return nil, errSyntax
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errSyntax
	}
	return top, nil
}

// value reads the next value. The decoder's own errors quote the input, and are
// not passed on.
func value(dec *json.Decoder, depth int) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, errSyntax
	}
	open, ok := tok.(json.Delim)
	if !ok {
		return tok, nil
	}
	if depth == maxDepth {
		return nil, errors.New("it is nested too deeply")
	}
	if open == '[' {
		list := []any{}
		for dec.More() {
			v, err := value(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, end(dec)
	}
	object := map[string]any{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, errSyntax
		}
		key, ok := tok.(string)
		if !ok {
			return nil, errSyntax
		}
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("%s stands there twice", Name(key))
		}
		if object[key], err = value(dec, depth+1); err != nil {
			return nil, err
		}
	}
	return object, end(dec)
}

func end(dec *json.Decoder) error {
	if _, err := dec.Token(); err != nil {
		return errSyntax
	}
	return nil
}

// text returns a value as the text of a field.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil { // what was decoded encodes
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func boolean(v any) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		b, err := strconv.ParseBool(strings.TrimSpace(v))
		return b, err == nil
	}
	return false, false
}

func integer(v any) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(text(v)))
	return n, err == nil
}
