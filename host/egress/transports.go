package egress

import (
	"container/list"
	"crypto/tls"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// maxTransports bounds the transports that are kept: one for each proxy and
// each answer to whether private addresses are allowed.
const maxTransports = 64

const (
	maxIdle        = 1024
	idleTimeout    = 90 * time.Second
	maxHeaderBytes = 256 << 10
	// A connection that serves streams is asked whether it still lives, or its
	// streams would wait for the idle limit of whoever reads them.
	pingAfter   = 30 * time.Second
	pingTimeout = 15 * time.Second
)

// transportKey separates connections that must not be shared: through another
// proxy, or checked under another rule. A connection that was made while
// private addresses were allowed never serves a request for which they are not.
type transportKey struct {
	proxy   string
	private bool
}

// transports keeps the transports that were used most recently. One that is
// dropped finishes what it is doing.
type transports struct {
	opts Options

	// mu guards what follows.
	mu    sync.Mutex
	byKey map[transportKey]*list.Element
	// used has the most recent first.
	used list.List
}

type keptTransport struct {
	key transportKey
	*http.Transport
}

func (t *transports) get(key transportKey) (*http.Transport, error) {
	t.mu.Lock()
	if e, ok := t.byKey[key]; ok {
		t.used.MoveToFront(e)
		t.mu.Unlock()
		return e.Value.(*keptTransport).Transport, nil
	}
	made, err := t.make(key)
	if err != nil {
		t.mu.Unlock()
		return nil, err
	}
	if t.byKey == nil {
		t.byKey = map[transportKey]*list.Element{}
	}
	t.byKey[key] = t.used.PushFront(&keptTransport{key, made})
	var dropped *keptTransport
	if t.used.Len() > maxTransports {
		dropped = t.used.Remove(t.used.Back()).(*keptTransport)
		delete(t.byKey, dropped.key)
	}
	t.mu.Unlock()
	if dropped != nil {
		dropped.CloseIdleConnections()
	}
	return made, nil
}

func (t *transports) close() {
	t.mu.Lock()
	var all []*keptTransport
	for e := t.used.Front(); e != nil; e = e.Next() {
		all = append(all, e.Value.(*keptTransport))
	}
	t.used.Init()
	t.byKey = nil
	t.mu.Unlock()
	for _, kept := range all {
		kept.CloseIdleConnections()
	}
}

// make builds a transport; it does no I/O. The environment's proxy is never
// used, and bodies stay compressed as they came.
func (t *transports) make(key transportKey) (*http.Transport, error) {
	d := &dialer{resolver: t.opts.Resolver, timeout: t.opts.DialTimeout, private: key.private}
	made := &http.Transport{
		DialContext:            d.dial,
		TLSClientConfig:        &tls.Config{RootCAs: t.opts.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    t.opts.TLSTimeout,
		ResponseHeaderTimeout:  t.opts.HeaderTimeout,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    t.opts.MaxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
	if key.proxy == "" {
		return made, nil
	}
	proxy, err := parseProxy(key.proxy)
	if err != nil {
		return nil, err
	}
	d.private = true // the operator names the proxy, and it may stand next door
	made.Proxy = http.ProxyURL(proxy)
	return made, nil
}

// CheckProxy says what is wrong with a credential's proxy URL; empty is right.
// The error repeats nothing of it.
func CheckProxy(raw string) error {
	if raw == "" {
		return nil
	}
	_, err := parseProxy(raw)
	return err
}

// parseProxy reads a credential's proxy URL. The error repeats nothing of it,
// since it may hold a password.
func parseProxy(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return nil, refuse("proxy_url is not a URL; write it as scheme://host:port")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return u, nil
	}
	return nil, refuse("proxy_url must begin with http, https or socks5")
}
