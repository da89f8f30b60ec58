package models

import "strings"

// Names returns the models under the names that they are published with: as
// they are, and with a prefix as prefix/ID too. Prefixes are case-sensitive.
func Names(prefix string, infos []Info) []Info {
	if prefix == "" {
		return infos
	}
	names := make([]Info, 0, 2*len(infos))
	names = append(names, infos...)
	for _, info := range infos {
		info.ID = prefix + "/" + info.ID
		names = append(names, info)
	}
	return names
}

// StripPrefix returns model as the credential with that prefix knows it.
func StripPrefix(prefix, model string) string {
	if prefix == "" {
		return model
	}
	return strings.TrimPrefix(model, prefix+"/")
}
