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

// pairs reads FIELD=VALUE arguments; flag is what they follow, for messages. An
// argument that is none is not repeated, since it may be a secret.
func pairs(flag string, args []string) (map[string]string, error) {
	m := make(map[string]string, len(args))
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if !ok || name == "" {
			return nil, usagef("%swrite FIELD=VALUE", flag)
		}
		if _, twice := m[name]; twice {
			return nil, usagef("%s%s is there twice", flag, name)
		}
		m[name] = value
	}
	return m, nil
}

// input is where a command reads secrets from.
type input struct {
	stdin io.Reader
	used  bool
}

// secrets reads FIELD=@FILE and FIELD=- arguments. What stands after the = is
// never shown, since it may be a secret that somebody typed there.
func (in *input) secrets(args []string) (map[string]string, error) {
	m := make(map[string]string, len(args))
	for _, a := range args {
		name, from, ok := strings.Cut(a, "=")
		if !ok || name == "" {
			return nil, usagef("--secret: write FIELD=@FILE or FIELD=-")
		}
		if _, twice := m[name]; twice {
			return nil, usagef("--secret %s is there twice", name)
		}
		value, ok, err := in.read("--secret "+name, from)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, usagef("--secret %s: a secret is not taken from the command line, where other users can see it: write %s=@FILE or %s=-", name, name, name)
		}
		m[name] = value
	}
	return m, nil
}

// proxyURL reads a proxy's URL: the URL itself, or @FILE or - for one that holds
// a user or a password.
func (in *input) proxyURL(from string) (string, error) {
	value, ok, err := in.read("--proxy-url", from)
	if err != nil || ok {
		return value, err
	}
	if strings.Contains(from, "@") {
		return "", usagef("--proxy-url: a user or a password is not taken from the command line, where other users can see it: write --proxy-url @FILE or --proxy-url -")
	}
	return from, nil
}

// read reads @FILE and -; ok is false for what is neither.
func (in *input) read(flag, from string) (value string, ok bool, err error) {
	switch {
	case from == "-":
		if in.used {
			return "", false, usagef("%s: only one secret can come from standard input", flag)
		}
		in.used = true
		value, err = readSecret(in.stdin)
	case strings.HasPrefix(from, "@"):
		value, err = readSecretFile(from[1:])
	default:
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("%s: %w", flag, err)
	}
	return value, true, nil
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
