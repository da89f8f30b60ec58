package driver

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/egress"
)

// parsePage reads the address of a login page.
func parsePage(raw string) (*url.URL, error) {
	if len(raw) > maxPromptURL {
		return nil, errors.New("the url is too long")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Opaque != "" || u.User != nil || strings.Contains(raw, "#") {
		return nil, errors.New("the url is not one of http or https, with a host, without a user and a fragment")
	}
	if _, err := url.ParseQuery(u.RawQuery); err != nil {
		return nil, errors.New("the url's query is not one")
	}
	return u, nil
}

// leadsTo reports whether a page is within a destination.
func (a *attempt) leadsTo(d abi.Destination, u *url.URL) bool {
	want := &abi.Url{Scheme: u.Scheme, Host: u.Host}
	if d.Field != "" {
		want = &abi.Url{Base: d.Field}
	}
	dest, ok, err := a.resolve(d, want)
	if err != nil || !ok {
		return false
	}
	page := *u
	page.Host = strings.ToLower(u.Host)
	return egress.Match(dest, &http.Request{Method: http.MethodGet, URL: &page}) == ""
}
