package boltstore

import (
	"os"
	"path/filepath"
)

// Where a key may come from, besides the key file beside the store.
const (
	// EnvKey holds the content of a key file.
	EnvKey = "PATCHBAY_STORE_KEY"
	// EnvKeyFile names the key file.
	EnvKeyFile = "PATCHBAY_STORE_KEY_FILE"
	// envCredentials is the directory that systemd gives a service its credentials
	// in; credentialKey is the one that is looked for.
	envCredentials = "CREDENTIALS_DIRECTORY"
	credentialKey  = "patchbay.key"
)

// Key is a key that somebody else keeps and that cannot be changed here. Its
// String names where it comes from.
type Key struct {
	from string
	// text is the key set; path the file, if it is in one.
	text string
	path string
}

// String says where the key comes from.
func (k Key) String() string { return k.from }

// GoString is String.
func (k Key) GoString() string { return k.from }

// KeyFrom looks for a key as the environment tells: in $PATCHBAY_STORE_KEY, in the
// file that $PATCHBAY_STORE_KEY_FILE names, or in systemd's credential
// patchbay.key. The first of these that is set counts. Without any it returns ""
// and nil: the key is beside the store.
func KeyFrom(getenv func(string) string) (file string, given *Key) {
	if text := getenv(EnvKey); text != "" {
		return "", &Key{from: "$" + EnvKey, text: text}
	}
	if file := getenv(EnvKeyFile); file != "" {
		return file, nil
	}
	if dir := getenv(envCredentials); dir != "" {
		path := filepath.Join(dir, credentialKey)
		if _, err := os.Stat(path); err == nil {
			return "", &Key{from: path, path: path}
		}
	}
	return "", nil
}

// keyPlace is where a store's key is.
type keyPlace struct {
	file  string
	given *Key // wins over file
}

// String names the place.
func (p keyPlace) String() string {
	if p.given != nil {
		return p.given.from
	}
	return p.file
}

// read loads the key set; fs.ErrNotExist means that there is none.
func (p keyPlace) read() (*sealer, error) {
	switch {
	case p.given == nil:
		return readKeyFile(p.file, true)
	case p.given.path != "":
		// Who may read it is systemd's business: an access list looks like a
		// group's right in the mode.
		seal, err := readKeyFile(p.given.path, false)
		if os.IsNotExist(err) {
			return nil, fail(ErrWrongKey, p.given.path, "it is gone; %s", hintKey)
		}
		return seal, err
	}
	return parseKey([]byte(p.given.text), p.given.from)
}

func keyFileOf(o Options) string {
	if o.KeyFile == "" {
		return beside(o.Path, ".key")
	}
	return o.KeyFile
}
