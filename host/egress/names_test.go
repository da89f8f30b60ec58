package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// names is a Resolver with its own answers, one list a lookup; the last stays.
type names struct {
	mu      sync.Mutex
	answers map[string][][]string
	asked   atomic.Int32
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.asked.Add(1)
	n.mu.Lock()
	defer n.mu.Unlock()
	lists := n.answers[host]
	if len(lists) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(lists) > 1 {
		n.answers[host] = lists[1:]
	}
	var addrs []netip.Addr
	for _, s := range lists[0] {
		addrs = append(addrs, netip.MustParseAddr(s))
	}
	return addrs, nil
}

func resolves(host string, lists ...[]string) *names {
	return &names{answers: map[string][][]string{host: lists}}
}

func TestA10NamesLeadOnlyOutside(t *testing.T) {
	for name, addrs := range map[string][]string{
		"loopback":       {"127.0.0.1"},
		"private":        {"10.0.0.1"},
		"carrier":        {"100.64.0.1"},
		"mapped":         {"::ffff:10.0.0.1"},
		"IPv6 loopback":  {"::1"},
		"metadata":       {"169.254.169.254"},
		"unspecified":    {"0.0.0.0"},
		"NAT64":          {"64:ff9b::a00:1"},
		"mixed":          {"8.8.8.8", "10.0.0.1"},
		"mixed, bad one": {"10.0.0.1", "8.8.8.8"},
	} {
		door := open(t, Options{Resolver: resolves("api.example.com", addrs)})
		dest := Destination{Scheme: "https", Host: "api.example.com", Port: 443, Methods: []string{"GET"}}
		_, err := door.Do(t.Context(), nil, dest, request(t, http.MethodGet, "https://api.example.com/", nil))
		if err == nil || reasonOf(t, err) != Refused {
			t.Errorf("%s: %v", name, err)
		}
		for _, addr := range addrs {
			if err != nil && strings.Contains(err.Error(), addr) {
				t.Errorf("%s: the error %q tells what the name resolves to", name, err)
			}
		}
	}
}

func TestPrivateAllowsPrivateOnly(t *testing.T) {
	srv, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "in") })
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	dest := Destination{Scheme: "http", Host: "inside.example", Port: port, Methods: []string{"GET"}, Private: true}
	get := func(resolver Resolver) error {
		res, err := open(t, Options{Resolver: resolver}).Do(t.Context(), nil, dest, request(t, http.MethodGet, target(dest), nil))
		if err == nil {
			_ = res.Body.Close()
		}
		return err
	}
	if err := get(resolves("inside.example", []string{"127.0.0.1"})); err != nil {
		t.Errorf("a private address that is allowed: %v", err)
	}
	if err := get(resolves("inside.example", []string{"127.0.0.1", "169.254.169.254"})); err == nil || reasonOf(t, err) != Refused {
		t.Errorf("metadata: %v", err)
	}
}

func TestA10RebindingIsRefusedAndConnectionsAreNotShared(t *testing.T) {
	srv, _ := serve(t, func(http.ResponseWriter, *http.Request) {})
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	resolver := resolves("twice.example", []string{"127.0.0.1"})
	door := open(t, Options{Resolver: resolver})
	allowed := Destination{Scheme: "http", Host: "twice.example", Port: port, Methods: []string{"GET"}, Private: true}
	for range 2 {
		res, err := door.Do(t.Context(), nil, allowed, request(t, http.MethodGet, target(allowed), nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	if n := resolver.asked.Load(); n != 1 {
		t.Errorf("%d look-ups for a connection that was kept, want 1", n)
	}
	public := allowed
	public.Private = false
	_, err = door.Do(t.Context(), nil, public, request(t, http.MethodGet, target(public), nil))
	if err == nil || reasonOf(t, err) != Refused {
		t.Errorf("a connection to a private address served a public destination: %v", err)
	}
}

func TestKernelGetsOnlyCheckedAddresses(t *testing.T) {
	d := dialer{timeout: time.Second}
	_, err := d.dialAddr(t.Context(), "tcp", netip.MustParseAddrPort("127.0.0.1:1"), 1)
	if own, ok := errors.AsType[*Error](err); !ok || own.Reason != Refused {
		t.Errorf("dialling past the check: %v", err)
	}
}

func TestDialFallsBackToTheNextAddress(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.NotFoundHandler()}}
	srv.Start()
	t.Cleanup(srv.Close)
	u := destOf(t, srv.URL)
	dest := Destination{Scheme: "http", Host: "two.example", Port: u.Port, Methods: []string{"GET"}, Private: true}
	door := open(t, Options{Resolver: resolves("two.example", []string{"127.0.0.2", "127.0.0.1"})})
	res, err := door.Do(t.Context(), nil, dest, request(t, http.MethodGet, target(dest), nil))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	door = open(t, Options{Resolver: resolves("two.example", []string{"127.0.0.2", "127.0.0.3"})})
	if _, err := door.Do(t.Context(), nil, dest, request(t, http.MethodGet, target(dest), nil)); reasonOf(t, err) != Unreachable {
		t.Error(err)
	}
}
