package egress

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Match returns which rule forbids sending req to dest, empty when none does. It
// is what Do checks before it dials, for who sends a person there instead.
func Match(dest Destination, req *http.Request) string { return match(dest, req) }

// match returns which rule forbids sending req to dest, empty when none does.
func match(dest Destination, req *http.Request) string {
	u := req.URL
	switch {
	case u == nil || u.Host == "" || u.Opaque != "":
		return "the URL has no host"
	case dest.Scheme != "http" && dest.Scheme != "https":
		return "the destination's scheme must be http or https"
	case u.Scheme != dest.Scheme:
		return "the scheme is not the destination's"
	case u.User != nil:
		return "the URL names a user"
	case dest.Host == "" || u.Hostname() != dest.Host:
		return "the host is not the destination's"
	case portIn(u) != strconv.Itoa(dest.Port):
		return "the port is not the destination's"
	case req.Host != "" && req.Host != u.Host:
		return "the Host header is not the destination's"
	case !slices.Contains(dest.Methods, methodOf(req)) || methodOf(req) == http.MethodConnect:
		return "the method is not allowed at the destination"
	}
	if rule := matchPath(dest.PathPrefix, u); rule != "" {
		return rule
	}
	if rule := matchHeader(req.Header); rule != "" {
		return rule
	}
	if addr, err := netip.ParseAddr(dest.Host); err == nil {
		if err := CheckAddr(addr, dest.Private); err != nil {
			return err.Error()
		}
	}
	return ""
}

// matchHeader refuses what the transport would refuse only once it has a
// connection.
func matchHeader(header http.Header) string {
	for name, values := range header {
		if !httpguts.ValidHeaderFieldName(name) {
			return "a header has an invalid name"
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return "a header has an invalid value"
			}
		}
	}
	return ""
}

// matchPath compares what will be sent, escapes and all, with the prefix,
// segment by segment, so that no server can read a path outside the prefix out
// of it.
func matchPath(prefix string, u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if path[0] != '/' {
		return "the path does not begin with a slash"
	}
	blank := func(r rune) bool { return r <= ' ' || r == 0x7f }
	if strings.ContainsFunc(path, blank) || strings.ContainsFunc(u.RawQuery, blank) {
		return "the URL holds a space or a control character"
	}
	prefix, open := strings.Trim(prefix, "/"), true
	for segment := range strings.SplitSeq(path[1:], "/") {
		if climbs(segment) {
			return "the path holds a dot segment"
		}
		if prefix == "" || !open {
			continue
		}
		var want string
		want, prefix, _ = strings.Cut(prefix, "/")
		open = segment == want
	}
	if prefix != "" || !open {
		return "the path is outside the destination's prefix"
	}
	return ""
}

// climbs reports whether some server could take the segment, or a part of it,
// for . or ..: escaped once or more, behind an escaped slash or a backslash, or
// with parameters.
func climbs(segment string) bool {
	for strings.ContainsAny(segment, ".%") {
		for part := range strings.FieldsFuncSeq(segment, func(r rune) bool { return r == '/' || r == '\\' || r == 0 }) {
			name, _, _ := strings.Cut(part, ";")
			if name == "." || name == ".." {
				return true
			}
		}
		decoded, err := url.PathUnescape(segment)
		if err != nil || decoded == segment {
			return false
		}
		segment = decoded
	}
	return false
}

func portIn(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	if u.Scheme == "http" {
		return "80"
	}
	return "443"
}

func methodOf(req *http.Request) string {
	if req.Method == "" {
		return http.MethodGet
	}
	return req.Method
}

// target is what errors show of a destination.
func target(dest Destination) string {
	host := dest.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return dest.Scheme + "://" + host + ":" + strconv.Itoa(dest.Port)
}
