//go:build !wasip1

package abi

import _ "embed"

// ManifestSchema is the JSON Schema (draft 2020-12) of a manifest. Hosts and
// tools use it; a guest does not carry it.
//
//go:embed manifest.schema.json
var ManifestSchema []byte

// Vectors are the golden encodings of vectors/accept.json: an array of objects
// with a name, a message, its binary encoding in hex, and its JSON.
//
//go:embed vectors/accept.json
var Vectors []byte
