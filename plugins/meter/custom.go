package meter

import "fmt"

// Custom returns the data of the custom section called name, and whether there
// is one. It reads the section headers only. Two sections of that name are an
// error. The data is part of wasm, not a copy.
func Custom(wasm []byte, name string) ([]byte, bool, error) {
	_, customs, err := split(wasm)
	if err != nil {
		return nil, false, err
	}
	return findCustom(customs, name)
}

func findCustom(customs []custom, name string) (data []byte, found bool, err error) {
	for _, c := range customs {
		if c.name != name {
			continue
		}
		if found {
			return nil, false, &Error{Offset: c.start, Section: sectionNames[secCustom], Kind: ErrInvalid,
				Reason: fmt.Sprintf("%q is there twice; keep one", name)}
		}
		data, found = c.data, true
	}
	return data, found, nil
}

// WithCustom returns a copy of wasm in which data is the content of the custom
// section called name. It replaces every section of that name; the new one is
// the last of the module.
func WithCustom(wasm []byte, name string, data []byte) ([]byte, error) {
	_, customs, err := split(wasm)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(wasm)+len(name)+len(data)+16)
	from := 0
	for _, c := range customs {
		if c.name == name {
			out = append(out, wasm[from:c.start]...)
			from = c.end
		}
	}
	out = append(out, wasm[from:]...)
	return appendSection(out, secCustom, append(appendName(nil, name), data...)), nil
}
