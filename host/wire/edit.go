package wire

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

// MaxChanges is how many changes one body takes: each of them copies it.
const MaxChanges = 100

// maxIndex is how many digits an index of an array may have: setting an
// element behind the end fills what lies between.
const maxIndex = 4

// Change is one edit of a JSON text: by default it sets the value at Path.
type Change struct {
	// Path is a dotted path: members by name, elements by index, -1 behind the
	// last element. Wildcards and queries are refused.
	Path string
	// Set is the new value, raw JSON. Ignored when Delete is true.
	Set []byte
	// Delete removes the value; one that is not there is no error.
	Delete bool
}

// Apply returns body with the changes made in order, by span: bytes outside
// the changed values stay as they are. Body itself is never changed; without
// changes it is returned as it is.
func Apply(body []byte, changes []Change) ([]byte, error) {
	if len(changes) > MaxChanges {
		return nil, fmt.Errorf("more than %d edits of one body", MaxChanges)
	}
	for _, c := range changes {
		var err error
		switch {
		case c.Path == "":
			err = errors.New("it has no path")
		case special(c.Path):
			err = errors.New("the path holds a wildcard, a query, a modifier or an index over 9999; write a backslash before what is meant literally")
		case c.Delete:
			body, err = sjson.DeleteBytes(body, c.Path)
		case !gjson.ValidBytes(c.Set):
			err = errors.New("the value is not JSON")
		default:
			body, err = sjson.SetRawBytes(body, c.Path, c.Set)
		}
		if err != nil {
			return nil, fmt.Errorf("edit of %q: %w", c.Path, err)
		}
	}
	return body, nil
}

// special reports whether a path holds, not escaped, what means more than a
// member or an element, or an index that is too large.
func special(path string) bool {
	digits := 0
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\':
			i++
			digits = 0
		case strings.IndexByte("*?#|@!", c) >= 0:
			return true
		case c >= '0' && c <= '9':
			if digits++; digits > maxIndex {
				return true
			}
		default:
			digits = 0
		}
	}
	return false
}
