package config

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/patchbay-dev/patchbay/host/settings"
)

// validate checks what a schema cannot say.
func validate(cfg settings.Config, all layers) []*Error {
	var errs []*Error
	if !validListen(cfg.Listen) {
		errs = append(errs, all.fail([]string{"listen"}, "must be an address and a port, such as 127.0.0.1:8484 or [::1]:8484"))
	}
	if !validAdmin(cfg.Admin.Listen) {
		errs = append(errs, all.fail([]string{"admin", "listen"}, "must be a loopback address and a port, such as 127.0.0.1:9484, or empty"))
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Providers)) {
		for i, rule := range cfg.Providers[name].RequestScopedErrors {
			for j, pattern := range rule.MatchRegex {
				if _, err := regexp.Compile(pattern); err != nil {
					path := []string{"providers", name, "request_scoped_errors", strconv.Itoa(i), "match_regex", strconv.Itoa(j)}
					errs = append(errs, all.fail(path, "is not a regular expression that Go knows"))
				}
			}
		}
	}
	declared := map[[2]string]string{}
	for i, c := range cfg.Credentials {
		file := all[0]
		who := [2]string{c.Provider, c.Label}
		if first, twice := declared[who]; twice {
			errs = append(errs, file.fail(itemPath(i), fmt.Sprintf("%s has the same provider and label as the credential at %s; give each its own label", dotted(itemPath(i)), first)))
		} else {
			declared[who] = c.Source
		}
		for _, field := range slices.Sorted(maps.Keys(c.Secrets)) {
			if _, both := c.Set[field]; both {
				path := append(itemPath(i), "secrets", field)
				errs = append(errs, file.fail(path, dotted(path)+" stands under set too; keep one"))
			}
		}
		for _, field := range []string{"set", "secrets"} {
			if _, empty := map[string]map[string]string{"set": c.Set, "secrets": c.Secrets}[field][""]; empty {
				path := append(itemPath(i), field, "")
				errs = append(errs, file.fail(path, dotted(path[:3])+" has a field without a name"))
			}
		}
		if !validProxy(c.ProxyURL) {
			path := append(itemPath(i), "proxy_url")
			errs = append(errs, file.fail(path, dotted(path)+" must be an http, https or socks5 URL with a host"))
		}
	}
	return errs
}

func itemPath(i int) []string { return []string{"credentials", strconv.Itoa(i)} }

// validListen takes host:port; an empty host means every address, port 0 any
// free port.
func validListen(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || strings.ContainsAny(host, " \t/@#?") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == port
}

// validAdmin takes what validListen takes if only this machine can reach it, or
// an empty text for none.
func validAdmin(address string) bool {
	if address == "" {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil || !validListen(address) {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// validProxy takes an empty text for none.
func validProxy(text string) bool {
	if text == "" {
		return true
	}
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && slices.Contains([]string{"http", "https", "socks5"}, u.Scheme)
}

func hasPassword(proxy string) bool {
	u, err := url.Parse(proxy)
	if err != nil || u.User == nil {
		return false
	}
	_, has := u.User.Password()
	return has
}
