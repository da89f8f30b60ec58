package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
)

// maxAnswer bounds what the client reads of an answer.
const maxAnswer = 64 << 20

// Client runs operations in the server that holds a data directory. It is safe
// for concurrent use.
type Client struct {
	path string
	http *http.Client
}

var _ Operations = (*Client)(nil)

// Dial connects to the server of a data directory. When there is none it
// returns ErrNoServer, and the caller may open the store itself. The caller
// closes the client.
func Dial(dataDir string) (*Client, error) {
	path, err := SocketPath(dataDir)
	if err != nil {
		return nil, err
	}
	if err := checkShortRoot(path); err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: probeTimeout}
	conn, err := dialer.Dial("unix", path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || refused(err) || errors.Is(err, syscall.ENOTDIR) {
			return nil, ErrNoServer
		}
		return nil, fmt.Errorf("reach the server at %s: %w", path, err)
	}
	_ = conn.Close() // it was opened to see that it can be
	return &Client{path: path, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		},
		DisableCompression: true,
	}}}, nil
}

// Close releases the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// CreateKey implements Operations.
func (c *Client) CreateKey(ctx context.Context, name string) (CreatedKey, error) {
	return call[CreatedKey](ctx, c, http.MethodPost, "/v1/keys", nameRequest{Name: name})
}

// AddAuth implements Operations.
func (c *Client) AddAuth(ctx context.Context, spec AuthSpec) (AuthView, error) {
	return call[AuthView](ctx, c, http.MethodPost, "/v1/auths", spec)
}

// ListAuths implements Operations.
func (c *Client) ListAuths(ctx context.Context) ([]AuthView, error) {
	return call[[]AuthView](ctx, c, http.MethodGet, "/v1/auths", nil)
}

// RemoveAuth implements Operations.
func (c *Client) RemoveAuth(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, http.MethodDelete, "/v1/auths?id="+url.QueryEscape(id), nil)
	return err
}

// InstallPlugin implements Operations. It reads the module, if only its path
// is given.
func (c *Client) InstallPlugin(ctx context.Context, req InstallRequest) (PluginView, error) {
	if len(req.Wasm) == 0 {
		wasm, err := ReadModule(req.Path)
		if err != nil {
			return PluginView{}, err
		}
		req.Wasm = wasm
	}
	return call[PluginView](ctx, c, http.MethodPost, "/v1/plugins", req)
}

// ListPlugins implements Operations.
func (c *Client) ListPlugins(ctx context.Context) ([]PluginView, error) {
	return call[[]PluginView](ctx, c, http.MethodGet, "/v1/plugins", nil)
}

// RemovePlugin implements Operations.
func (c *Client) RemovePlugin(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, http.MethodDelete, "/v1/plugins?id="+url.QueryEscape(id), nil)
	return err
}

// Health implements Operations.
func (c *Client) Health(ctx context.Context) (Health, error) {
	return call[Health](ctx, c, http.MethodGet, "/v1/health", nil)
}

// ReadModule reads a module's file, of at most MaxModule bytes.
func ReadModule(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{Code: CodeInvalid, Message: fmt.Sprintf("read the module: %v", err)}
	}
	defer f.Close()
	wasm, err := io.ReadAll(io.LimitReader(f, MaxModule+1))
	if err != nil {
		return nil, &Error{Code: CodeInvalid, Message: fmt.Sprintf("read the module: %v", err)}
	}
	switch {
	case len(wasm) == 0:
		return nil, &Error{Code: CodeInvalid, Message: path + " is empty"}
	case len(wasm) > MaxModule:
		return nil, tooLargeModule(path)
	}
	return wasm, nil
}

// call makes one request. The errors of transport name the socket and never
// the body, which may hold a secret.
func call[T any](ctx context.Context, c *Client, method, target string, in any) (T, error) {
	var out, none T
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return none, fmt.Errorf("write the request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://patchbay"+target, body)
	if err != nil {
		return none, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set(commandHeader, commandValue)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return none, fmt.Errorf("the server at %s did not answer: %w", c.path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return none, fmt.Errorf("read the answer of the server at %s: %w", c.path, err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return none, c.failed(resp.StatusCode, raw)
	}
	if resp.StatusCode == http.StatusNoContent {
		return none, nil
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return none, fmt.Errorf("read the answer of the server at %s: it is not what this version expects", c.path)
	}
	return out, nil
}

// failed reads the body of an answer that is an error.
func (c *Client) failed(status int, raw []byte) error {
	var f failure
	if json.Unmarshal(raw, &f) != nil || f.Error == nil {
		return fmt.Errorf("the server at %s answered status %d without a reason", c.path, status)
	}
	return f.Error
}
