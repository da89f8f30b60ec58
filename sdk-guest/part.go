package guest

import "github.com/patchbay-dev/patchbay/abi"

// Part is a piece of a header, query value or path segment.
type Part = abi.Part

// Text is a part that stands as it is.
func Text(s string) Part { return Part{Which: abi.PartIsLiteral, Literal: s} }

// Secret stands for a secret field of the credential. The host puts its value
// there, in a slot that the manifest declares.
func Secret(field string) Part {
	return Part{Which: abi.PartIsSecret, Secret: &abi.SecretRef{Which: abi.SecretRefIsCredential, Credential: field}}
}

// ConfigSecret stands for a secret field of the plugin's configuration.
func ConfigSecret(name string) Part {
	return Part{Which: abi.PartIsSecret, Secret: &abi.SecretRef{Which: abi.SecretRefIsConfig, Config: name}}
}

// Edit is a change to the client's body, which the host makes without giving
// the body to the guest. The manifest requires the feature "edits".
type Edit = abi.Edit

// Set is an edit that puts raw JSON at a path, such as
// stream_options.include_usage.
func Set[T ~string | ~[]byte](path string, raw T) Edit {
	return Edit{Which: abi.EditIsSet, Path: path, Set: []byte(raw)}
}

// Delete is an edit that removes what is at a path.
func Delete(path string) Edit {
	return Edit{Which: abi.EditIsDelete, Path: path, Delete: true}
}
