package login

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Listener receives the browser when it comes back from a login page. It
// listens on loopback only, answers one path, and repeats nothing of what it is
// sent. RFC 8252 section 7.3.
type Listener struct {
	redirect *url.URL
	lns      []net.Listener
}

// DefaultRedirect is the redirect of a provider that names none: any free port.
const DefaultRedirect = "http://127.0.0.1/callback"

// Listen opens the loopback address of a redirect. Without a port any free one
// is taken; empty means DefaultRedirect. The caller closes the listener, or
// has Serve do it.
func Listen(ctx context.Context, redirect string) (*Listener, error) {
	if redirect == "" {
		redirect = DefaultRedirect
	}
	u, err := parseRedirect(redirect)
	if err != nil {
		return nil, err
	}
	host, port := u.Hostname(), u.Port()
	addresses := []string{host}
	if host == "localhost" {
		// A browser may take either.
		addresses = []string{"127.0.0.1", "::1"}
	}
	l := &Listener{redirect: u}
	for _, address := range addresses {
		if port == "" {
			port = "0"
		}
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(address, port))
		if err != nil {
			if address == "::1" && len(l.lns) > 0 {
				break // a machine without IPv6
			}
			l.Close()
			return nil, fmt.Errorf("wait for the browser at %s: %w; is another login, or another program, using the port?", redirect, err)
		}
		l.lns = append(l.lns, ln)
		if _, port, err = net.SplitHostPort(ln.Addr().String()); err != nil {
			l.Close()
			return nil, fmt.Errorf("wait for the browser at %s: %w", redirect, err)
		}
	}
	u.Host = net.JoinHostPort(host, port)
	return l, nil
}

// parseRedirect checks that a redirect leads to this machine and to nothing but
// a path.
func parseRedirect(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" || u.ForceQuery {
		return nil, &Error{Code: CodeInvalid, Message: "the redirect of a login is http://127.0.0.1[:PORT]/PATH or http://localhost[:PORT]/PATH"}
	}
	switch u.Hostname() {
	case "127.0.0.1", "::1", "localhost":
	default:
		return nil, &Error{Code: CodeInvalid, Message: "the redirect of a login must lead to this machine: http://127.0.0.1[:PORT]/PATH"}
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// Redirect is the redirect_uri, with its port.
func (l *Listener) Redirect() string { return l.redirect.String() }

// Close stops listening. It may be called more than once.
func (l *Listener) Close() {
	for _, ln := range l.lns {
		_ = ln.Close() // one that Serve closed is closed
	}
}

// Accept is told of a browser that came back: its raw query and its headers. It
// returns whether the login goes on waiting for another, and an error for the
// person in the browser to see; it shows its message only, which holds no
// secret.
type Accept func(ctx context.Context, query string, header http.Header) (again bool, err error)

// Serve answers browsers until one of them was accepted, or ctx ends. Then it
// closes the listener, and returns ctx's error or nil.
func (l *Listener) Serve(ctx context.Context, accept Accept) error {
	defer l.Close()
	finished := make(chan struct{}, 1)
	// One at a time: the second of two answers meets a login that has ended.
	turn := make(chan struct{}, 1)
	srv := &http.Server{
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second,
		MaxHeaderBytes: 64 << 10,
		BaseContext:    func(net.Listener) context.Context { return ctx },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if status, refusal := l.refuse(r); status != 0 {
				page(w, status, refusal)
				return
			}
			select {
			case turn <- struct{}{}:
			case <-ctx.Done():
				return
			}
			defer func() { <-turn }()
			again, err := accept(ctx, r.URL.RawQuery, r.Header.Clone())
			switch {
			case err != nil:
				page(w, http.StatusBadRequest, err.Error())
			default:
				page(w, http.StatusOK, "Done. You can close this page and go back to the terminal.")
			}
			if !again {
				select {
				case finished <- struct{}{}:
				default:
				}
			}
		}),
	}
	ended := make(chan error, len(l.lns))
	for _, ln := range l.lns {
		go func() { ended <- srv.Serve(ln) }()
	}
	var err error
	left := len(l.lns)
	select {
	case <-finished:
	case <-ctx.Done():
		err = ctx.Err()
	case e := <-ended:
		left--
		err = fmt.Errorf("wait for the browser at %s: %w", l.Redirect(), e)
	}
	// The page that says how it went is still to be written.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if srv.Shutdown(last) != nil {
		_ = srv.Close()
	}
	for range left {
		<-ended //nolint:errcheck // Shutdown ended it
	}
	return err
}

// refuse says why a request is none of a browser that came back; status 0 means
// that it is. The Host is checked, so that no foreign name that leads here can
// bring a page of its own along.
func (l *Listener) refuse(r *http.Request) (status int, reason string) {
	switch {
	case !strings.EqualFold(r.Host, l.redirect.Host):
		return http.StatusForbidden, "This is not the address that the login waits at."
	case r.URL.Path != l.redirect.Path:
		return http.StatusNotFound, "There is nothing here but the end of a login."
	case r.Method != http.MethodGet:
		return http.StatusMethodNotAllowed, "A login ends with GET."
	}
	return 0, ""
}

// page writes plain text: what stands in it is never taken for anything else.
func page(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Connection", "close")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // a browser that left does not need it
}
