package wire

import (
	"fmt"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

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
	for _, c := range changes {
		var err error
		switch {
		case c.Path == "":
			err = fmt.Errorf("an edit has no path")
		case c.Delete:
			body, err = sjson.DeleteBytes(body, c.Path)
		case !gjson.ValidBytes(c.Set):
			err = fmt.Errorf("the value for %q is not JSON", c.Path)
		default:
			body, err = sjson.SetRawBytes(body, c.Path, c.Set)
		}
		if err != nil {
			return nil, fmt.Errorf("edit of %q: %w", c.Path, err)
		}
	}
	return body, nil
}
