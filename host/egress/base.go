package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// ParseBase reads an operator's base URL: http or https, a host, a port or the
// scheme's own, a path that every request will begin with. There is no user,
// query or fragment in it. A name in another script becomes its ASCII form. The
// Destination is Private when the host is localhost or an IP address, or with
// allowPrivate; an address that is never allowed is refused. Name and Methods
// are left to the caller. Errors do not repeat what was written, since a key
// may stand in it by mistake.
func ParseBase(raw string, allowPrivate bool) (Destination, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return Destination{}, errors.New("base URL: not a URL; write it as https://host/path")
	}
	dest := Destination{Scheme: u.Scheme, PathPrefix: strings.TrimRight(u.Path, "/"), Private: allowPrivate}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return Destination{}, errors.New("base URL: the scheme must be http or https")
	case u.User != nil:
		return Destination{}, errors.New("base URL: a user or password does not belong in it; use the credential's secret fields")
	case u.RawQuery != "" || u.ForceQuery:
		return Destination{}, errors.New("base URL: a query does not belong in it")
	case strings.Contains(raw, "#"):
		return Destination{}, errors.New("base URL: a fragment does not belong in it")
	case u.Opaque != "" || u.Host == "":
		return Destination{}, errors.New("base URL: the host is missing; write it as https://host/path")
	}
	if err := checkBasePath(u.EscapedPath()); err != nil {
		return Destination{}, fmt.Errorf("base URL: %w", err)
	}
	if dest.Port, err = portOf(u); err != nil {
		return Destination{}, fmt.Errorf("base URL: %w", err)
	}
	var literal bool
	if dest.Host, literal, err = hostOf(u.Hostname(), strings.HasPrefix(u.Host, "[")); err != nil {
		return Destination{}, fmt.Errorf("base URL: %w", err)
	}
	if literal || dest.Host == "localhost" {
		dest.Private = true
	}
	return dest, nil
}

// checkBasePath allows a path only of characters that mean the same to
// everybody.
func checkBasePath(path string) error {
	for _, c := range []byte(path) {
		if !isWord(c) && !strings.ContainsRune("/.~!$&'()*+,=:@", rune(c)) {
			return errors.New("the path holds a character that is not allowed there")
		}
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return errors.New("the path holds . or ..")
		}
	}
	if strings.Contains(path, "//") {
		return errors.New("the path holds //")
	}
	return nil
}

func portOf(u *url.URL) (int, error) {
	if u.Port() == "" {
		if strings.HasSuffix(u.Host, ":") {
			return 0, errors.New("the port is missing after the colon")
		}
		if u.Scheme == "http" {
			return 80, nil
		}
		return 443, nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return 0, errors.New("the port must be 1 to 65535")
	}
	return int(port), nil
}

// hostOf returns the host in its one spelling, and whether it is an address. A
// name that some resolver would read as an address is refused.
func hostOf(host string, bracketed bool) (canonical string, literal bool, err error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if err := CheckAddr(addr, true); err != nil {
			return "", false, err
		}
		return addr.Unmap().String(), true, nil
	}
	if bracketed {
		return "", false, errors.New("what stands in brackets is not an IPv6 address")
	}
	name, err := nameOf(host)
	if err != nil {
		return "", false, err
	}
	return name, false, nil
}

func nameOf(host string) (string, error) {
	name := strings.ToLower(host)
	if strings.ContainsFunc(host, func(r rune) bool { return r >= 0x80 }) {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return "", errors.New("the host is not a valid name")
		}
		name = ascii
	}
	if strings.HasSuffix(name, ".") {
		return "", errors.New("the host ends with a dot; leave it out")
	}
	if len(name) > 253 {
		return "", errors.New("the host is longer than 253 characters")
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if !validLabel(label) {
			return "", errors.New("the host is not a valid name")
		}
	}
	// Resolvers take 127.1, 0x7f.1 and 2130706433 for addresses.
	if last := labels[len(labels)-1]; looksNumeric(last) {
		return "", errors.New("the host looks like an address but is not written as one; write four decimal numbers")
	}
	return name, nil
}

func validLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for _, c := range []byte(label) {
		if !isWord(c) || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

func looksNumeric(label string) bool {
	if strings.Trim(label, "0123456789") == "" {
		return true
	}
	digits, hex := strings.CutPrefix(label, "0x")
	return hex && strings.Trim(digits, "0123456789abcdef") == ""
}

// isWord reports whether c is a letter, a digit, a hyphen or an underscore.
func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
