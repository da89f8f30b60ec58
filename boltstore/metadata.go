package boltstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// metadataDepth bounds the nesting of Metadata, which may hold itself.
const metadataDepth = 64

// encodeMetadata returns a copy for JSON in which floats are told from integers
// by a point or an exponent, so that an expiry saved as an integer comes back
// as one, to the last digit. nil stays nil.
func encodeMetadata(m map[string]any) (map[string]any, error) {
	if m == nil {
		return nil, nil
	}
	v, err := encodeValue("metadata", m, 0)
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}

func encodeValue(name string, v any, depth int) (any, error) {
	if depth > metadataDepth {
		return nil, fmt.Errorf("%s is nested deeper than %d", name, metadataDepth)
	}
	switch v := v.(type) {
	case nil, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return v, nil
	case string:
		return v, checkText(name, v)
	case float32:
		return encodeFloat(name, float64(v))
	case float64:
		return encodeFloat(name, v)
	case json.Number:
		if !isNumber(v.String()) { // json.Marshal would quote it in its error
			return nil, fmt.Errorf("%s is not a JSON number", name)
		}
		return v, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			field := name + "." + quote(key)
			if err := checkText(field, key); err != nil {
				return nil, err
			}
			encoded, err := encodeValue(field, value, depth+1)
			if err != nil {
				return nil, err
			}
			out[key] = encoded
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			encoded, err := encodeValue(fmt.Sprintf("%s[%d]", name, i), value, depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = encoded
		}
		return out, nil
	}
	return encodeOther(name, v, depth)
}

// encodeOther takes any other Go value as what encoding/json makes of it.
func encodeOther(name string, v any, depth int) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%s is a %T, which JSON cannot hold", name, v)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return nil, fmt.Errorf("%s is a %T, which JSON cannot hold", name, v)
	}
	return encodeValue(name, plain, depth+1)
}

func isNumber(text string) bool {
	return text != "" && (text[0] == '-' || text[0] >= '0' && text[0] <= '9') && json.Valid([]byte(text))
}

func encodeFloat(name string, f float64) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%s is not a finite number", name)
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return json.Number(text), nil
}

// decodeMetadata turns the numbers of a decoded map back into int64 and
// float64; what fits neither stays json.Number.
func decodeMetadata(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	return decodeValue(m).(map[string]any)
}

func decodeValue(v any) any {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			if f, err := v.Float64(); err == nil {
				return f
			}
		} else if n, err := v.Int64(); err == nil {
			return n
		}
		return v
	case map[string]any:
		for key, value := range v {
			v[key] = decodeValue(value)
		}
	case []any:
		for i, value := range v {
			v[i] = decodeValue(value)
		}
	}
	return v
}

// checkText refuses what JSON would silently change.
func checkText(name string, texts ...string) error {
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return errors.New(name + " is not valid UTF-8; save bytes as base64")
		}
	}
	return nil
}

// quote shows a field's name in an error.
func quote(name string) string { return strconv.Quote(name) }
