package driver

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// target finds the declared destination of a request and starts its URL.
func (a *attempt) target(o *outgoing, r *abi.Request) error {
	if (r.URL.Base == "") == (r.URL.Host == "") || (r.URL.Host == "") != (r.URL.Scheme == "") {
		return a.broken("a url has either a base, or a scheme and a host")
	}
	found := false
	for _, d := range a.e.manifest.Destinations {
		dest, ok, err := a.resolve(d, r.URL)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		found = true
		if slices.Contains(d.Methods, r.Method) {
			o.dest, o.name = dest, d.Name
			o.url = &url.URL{Scheme: dest.Scheme, Host: hostPort(dest)}
			return nil
		}
	}
	if found {
		return a.broken("the destination does not allow the method %q", short(r.Method))
	}
	return a.broken("no destination of the manifest is %q", short(r.URL.Base+r.URL.Scheme+"://"+r.URL.Host))
}

// resolve returns the destination that d means for this credential, and
// whether u asks for it.
func (a *attempt) resolve(d abi.Destination, u *abi.Url) (egress.Destination, bool, error) {
	if d.Field != "" {
		if u.Base != d.Field {
			return egress.Destination{}, false, nil
		}
		dest, err := a.e.baseOf(a.auth, d.Field)
		if err != nil {
			return egress.Destination{}, false, credentialFault(err)
		}
		dest.Name, dest.Methods = d.Name, d.Methods
		dest.PathPrefix = joinPrefix(dest.PathPrefix, d.PathPrefix)
		return dest, true, nil
	}
	if u.Base != "" || !strings.EqualFold(u.Scheme, d.Scheme) {
		return egress.Destination{}, false, nil
	}
	host, err := a.e.expandHost(a.auth, d.Host)
	if err != nil {
		return egress.Destination{}, false, credentialFault(err)
	}
	name, port := splitPort(strings.ToLower(u.Host), d.Scheme)
	want := d.Port
	if want == 0 {
		want = defaultPort(d.Scheme)
	}
	if name != host || port != want {
		return egress.Destination{}, false, nil
	}
	return egress.Destination{
		Name: d.Name, Scheme: strings.ToLower(d.Scheme), Host: host, Port: want,
		PathPrefix: d.PathPrefix, Methods: d.Methods, Private: a.auth.AllowPrivate(),
	}, true, nil
}

// baseOf parses the base URL that the operator set in a destination field.
func (e *Executor) baseOf(a *auth.Auth, name string) (egress.Destination, error) {
	of := base{field: name, raw: field(e.manifest, a, name), private: a.AllowPrivate()}
	if dest, known := e.bases.get(of); known {
		return dest, nil
	}
	if err := checkField(e.manifest, e.patterns, name, of.raw); err != nil {
		return egress.Destination{}, err
	}
	dest, err := egress.ParseBase(of.raw, of.private)
	if err != nil {
		return egress.Destination{}, &FieldError{Field: name, Problem: err.Error()}
	}
	e.bases.put(of, dest)
	return dest, nil
}

// expandHost puts destination fields into a host pattern; each is one label.
func (e *Executor) expandHost(a *auth.Auth, pattern string) (string, error) {
	host := strings.ToLower(pattern)
	for {
		before, rest, ok := strings.Cut(host, "{")
		if !ok {
			return host, nil
		}
		name, after, _ := strings.Cut(rest, "}")
		value := field(e.manifest, a, name)
		if err := checkField(e.manifest, e.patterns, name, value); err != nil {
			return "", err
		}
		if !isLabel(value) {
			return "", &FieldError{Field: name, Problem: "must be one label of a host name, without a dot"}
		}
		host = before + strings.ToLower(value) + after
	}
}

// isLabel reports whether s is one label of a DNS name.
func isLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (c != '-' || i == 0 || i == len(s)-1) {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

// joinPrefix puts the manifest's path prefix behind the operator's.
func joinPrefix(base, prefix string) string {
	if prefix = strings.Trim(prefix, "/"); prefix == "" {
		return base
	}
	return strings.TrimSuffix(base, "/") + "/" + prefix
}

func defaultPort(scheme string) int {
	if strings.EqualFold(scheme, "http") {
		return 80
	}
	return 443
}

// splitPort returns the host and the port of a host that may name one; a port
// that is none is -1.
func splitPort(host, scheme string) (string, int) {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return host, defaultPort(scheme)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return name, -1
	}
	return name, int(n)
}

// hostPort is the host of a URL: without the port that the scheme implies.
func hostPort(d egress.Destination) string {
	if d.Port == defaultPort(d.Scheme) {
		if strings.Contains(d.Host, ":") {
			return "[" + d.Host + "]"
		}
		return d.Host
	}
	return net.JoinHostPort(d.Host, strconv.Itoa(d.Port))
}

// credentialFault is a credential that the operator has to mend.
func credentialFault(err error) error {
	return &executor.UpstreamError{
		Status: codes["auth_invalid"].status, Code: "auth_invalid", CredentialScope: true,
		Message: err.Error(), Err: err,
	}
}
