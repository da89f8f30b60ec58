package walk

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"testing"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Arrived is a request as it arrived at an upstream.
type Arrived struct {
	// Method, Host and URI are as they were sent; URI is escaped.
	Method, Host, URI string
	Header            http.Header
	Body              string
}

// Internet stands for every host: what a plugin sends to any of them arrives,
// over a real connection, at a handler of the test. Names resolve to a public
// address, so that the door's checks hold as they do outside. It is safe for
// concurrent use.
type Internet struct {
	server *httptest.Server

	mu      sync.Mutex // guards hosts and arrived
	hosts   map[string]http.HandlerFunc
	arrived []Arrived
}

// NewInternet starts one without hosts. The test closes it.
func NewInternet(t testing.TB) *Internet {
	t.Helper()
	in := &Internet{hosts: map[string]http.HandlerFunc{}}
	in.server = httptest.NewServer(http.HandlerFunc(in.serve))
	t.Cleanup(func() {
		in.server.CloseClientConnections()
		in.server.Close()
	})
	return in
}

// Host serves a host, such as api.example.com.
func (in *Internet) Host(name string, h http.HandlerFunc) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.hosts[name] = h
}

// Arrived returns what arrived so far, in order.
func (in *Internet) Arrived() []Arrived {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]Arrived(nil), in.arrived...)
}

func (in *Internet) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	in.mu.Lock()
	in.arrived = append(in.arrived, Arrived{Method: r.Method, Host: r.Host, URI: r.RequestURI, Header: r.Header.Clone(), Body: string(body)})
	h := in.hosts[r.Host]
	in.mu.Unlock()
	if h == nil {
		http.Error(w, "no such host in this test: "+r.Host, http.StatusBadGateway)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	h(w, r)
}

// RoundTripperFor implements auth.RoundTripperProvider.
func (in *Internet) RoundTripperFor(*auth.Auth) http.RoundTripper { return in }

// RoundTrip takes a request to the handler of its host.
func (in *Internet) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := url.Parse(in.server.URL)
	if err != nil {
		return nil, err
	}
	out := r.Clone(r.Context())
	if out.Host == "" {
		out.Host = out.URL.Host
	}
	out.URL.Scheme, out.URL.Host = to.Scheme, to.Host
	return in.server.Client().Transport.RoundTrip(out)
}

// LookupNetIP implements egress.Resolver: every name is a public address.
func (in *Internet) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("93.184.215.14")}, nil
}
