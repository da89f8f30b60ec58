package egress

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host/auth"
)

func TestProxyOfTheCredential(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // the environment's is never used
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	var asked, user string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, user = r.URL.String(), r.Header.Get("Proxy-Authorization")
		_, _ = io.WriteString(w, "via proxy")
	}))
	t.Cleanup(proxy.Close)
	resolver := resolves("x")
	door := open(t, Options{Resolver: resolver})
	a := &auth.Auth{ProxyURL: strings.Replace(proxy.URL, "://", "://me:pw@", 1)}
	dest := Destination{Scheme: "http", Host: "api.example.com", Port: 80, Methods: []string{"GET"}}
	res, err := door.Do(t.Context(), a, dest, request(t, http.MethodGet, "http://api.example.com/v1", nil))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if string(body) != "via proxy" || err != nil || asked != "http://api.example.com/v1" || user == "" {
		t.Errorf("%q, %v; the proxy was asked for %q by %q", body, err, asked, user)
	}
	if resolver.asked.Load() != 0 {
		t.Error("the target was resolved here; behind a proxy, the proxy does that")
	}

	dest.Host = "10.0.0.1"
	if _, err = door.Do(t.Context(), a, dest, request(t, http.MethodGet, "http://10.0.0.1/v1", nil)); reasonOf(t, err) != Refused {
		t.Errorf("a private address behind a proxy: %v", err)
	}
	dest.Host = "localhost"
	if _, err = door.Do(t.Context(), a, dest, request(t, http.MethodGet, "http://localhost/v1", nil)); reasonOf(t, err) != Refused {
		t.Errorf("localhost behind a proxy: %v", err)
	}
}

func TestProxyRefusals(t *testing.T) {
	door := open(t, Options{})
	dest := Destination{Scheme: "https", Host: "api.example.com", Port: 443, Methods: []string{"GET"}}
	for _, proxy := range []string{
		"ftp://me:hunter2@h:1", "me:hunter2@h:1", "http://", "hunter2", "http://me:hun%ter2@h",
		"http://169.254.169.254:80", "http://0.0.0.0:1", "socks5://[fe80::1]:1",
	} {
		_, err := door.Do(t.Context(), &auth.Auth{ProxyURL: proxy}, dest, request(t, http.MethodGet, "https://api.example.com/", nil))
		if reasonOf(t, err) != Refused || strings.Contains(err.Error(), "ter2") {
			t.Errorf("%s: %v", proxy, err)
		}
	}
}

// TestProxyRefusesTunnel: nothing of the request was sent, so it may be tried
// elsewhere.
func TestProxyRefusesTunnel(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no", http.StatusForbidden)
	}))
	t.Cleanup(proxy.Close)
	dest := Destination{Scheme: "https", Host: "api.example.com", Port: 443, Methods: []string{"GET"}}
	_, err := open(t, Options{}).Do(t.Context(), &auth.Auth{ProxyURL: proxy.URL}, dest, request(t, http.MethodGet, "https://api.example.com/", nil))
	if reasonOf(t, err) != Unreachable {
		t.Error(err)
	}
}

func TestSOCKS(t *testing.T) {
	srv, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "in") })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	asked := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		if err := serveSOCKS(conn, asked, srv.Listener.Addr().String()); err != nil {
			t.Error(err)
		}
	}()
	door := New(Options{})
	dest := Destination{Scheme: "http", Host: "api.example.com", Port: 80, Methods: []string{"GET"}}
	a := &auth.Auth{ProxyURL: "socks5://" + listener.Addr().String()}
	res, err := door.Do(t.Context(), a, dest, request(t, http.MethodGet, "http://api.example.com/", nil))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if string(body) != "in" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	if got := <-asked; got != "api.example.com:80" {
		t.Errorf("the proxy was asked for %s", got)
	}
	door.Close()
	<-done
}

// serveSOCKS is one SOCKS5 connection without authentication, to a fixed place.
func serveSOCKS(conn net.Conn, asked chan<- string, to string) error {
	head := make([]byte, 3) // version, one method, none
	if _, err := io.ReadFull(conn, head); err != nil {
		return err
	}
	if _, err := conn.Write([]byte{5, 0}); err != nil {
		return err
	}
	ask := make([]byte, 5) // version, connect, reserved, name, its length
	if _, err := io.ReadFull(conn, ask); err != nil {
		return err
	}
	if ask[3] != 3 {
		return fmt.Errorf("address type %d, want a name", ask[3])
	}
	rest := make([]byte, int(ask[4])+2)
	if _, err := io.ReadFull(conn, rest); err != nil {
		return err
	}
	asked <- fmt.Sprintf("%s:%d", rest[:ask[4]], binary.BigEndian.Uint16(rest[ask[4]:]))
	if _, err := conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}); err != nil {
		return err
	}
	up, err := net.Dial("tcp", to)
	if err != nil {
		return err
	}
	defer func() { _ = up.Close() }()
	go func() { _, _ = io.Copy(up, conn); _ = up.Close() }()
	_, _ = io.Copy(conn, up) // ends when either side hangs up
	return nil
}

func TestE05TransportsAreBounded(t *testing.T) {
	pool := transports{opts: Options{Resolver: net.DefaultResolver}}
	first, err := pool.get(transportKey{proxy: "http://h:1"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxTransports {
		if _, err := pool.get(transportKey{proxy: fmt.Sprintf("http://h:%d", i+1)}); err != nil {
			t.Fatal(err)
		}
	}
	if again, err := pool.get(transportKey{proxy: "http://h:1"}); err != nil || again != first {
		t.Errorf("a transport was dropped before the bound, %v", err)
	}
	for i := range maxTransports {
		if _, err := pool.get(transportKey{proxy: fmt.Sprintf("http://other:%d", i+1)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(pool.byKey) != maxTransports || pool.used.Len() != maxTransports {
		t.Errorf("%d kept, %d in order, want %d", len(pool.byKey), pool.used.Len(), maxTransports)
	}
	if again, err := pool.get(transportKey{proxy: "http://h:1"}); err != nil || again == first {
		t.Errorf("the oldest transport was kept, %v", err)
	}
}
