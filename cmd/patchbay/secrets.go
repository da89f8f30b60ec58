package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecret is the longest secret that is read, in bytes.
const maxSecret = 1 << 20

// pairs reads FIELD=VALUE arguments.
func pairs(args []string) (map[string]string, error) {
	m := make(map[string]string, len(args))
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if !ok || name == "" {
			// It is not shown: it may be a secret that somebody typed there.
			return nil, usagef("--set: write FIELD=VALUE")
		}
		if _, twice := m[name]; twice {
			return nil, usagef("--set %s is there twice", name)
		}
		m[name] = value
	}
	return m, nil
}

// readSecrets reads FIELD=@FILE and FIELD=- arguments. What stands after the =
// is never shown, since it may be a secret that somebody typed there.
func readSecrets(args []string, stdin io.Reader) (map[string]string, error) {
	m := make(map[string]string, len(args))
	usedStdin := false
	for _, a := range args {
		name, from, ok := strings.Cut(a, "=")
		if !ok || name == "" {
			return nil, usagef("--secret: write FIELD=@FILE or FIELD=-")
		}
		if _, twice := m[name]; twice {
			return nil, usagef("--secret %s is there twice", name)
		}
		var value string
		var err error
		switch {
		case from == "-":
			if usedStdin {
				return nil, usagef("--secret %s: only one secret can come from standard input", name)
			}
			usedStdin = true
			value, err = readSecret(stdin)
		case strings.HasPrefix(from, "@"):
			value, err = readSecretFile(from[1:])
		default:
			return nil, usagef("--secret %s: a secret is not taken from the command line, where other users can see it: write %s=@FILE or %s=-", name, name, name)
		}
		if err != nil {
			return nil, fmt.Errorf("--secret %s: %w", name, err)
		}
		m[name] = value
	}
	return m, nil
}

// readProxy reads a proxy's URL: the URL itself, or @FILE for one that holds a
// user or a password.
func readProxy(arg string) (string, error) {
	if path, ok := strings.CutPrefix(arg, "@"); ok {
		return readSecretFile(path)
	}
	if strings.Contains(arg, "@") {
		return "", usagef("--proxy-url: a user or a password is not taken from the command line, where other users can see it: write --proxy-url @FILE")
	}
	return arg, nil
}

func readSecretFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return readSecret(f)
}

func readSecret(r io.Reader) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(raw) > maxSecret {
		return "", errors.New("longer than 1 MiB")
	}
	s := strings.TrimRight(string(raw), "\r\n")
	if s == "" {
		return "", errors.New("empty")
	}
	return s, nil
}
