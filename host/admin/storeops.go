package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"
)

// StoreOperations are about the store itself. What takes long tells step, which
// may be nil, how far it is.
type StoreOperations interface {
	// CheckStore reads everything and verifies every seal and generation. What is
	// wrong stands in the answer.
	CheckStore(ctx context.Context, step func(done, all int)) (StoreCheck, error)
	// BackupStore writes the store as it is at one moment to w. The key is not in
	// it. When it fails, what was written is worth nothing.
	BackupStore(ctx context.Context, w io.Writer) error
	// RotateKey seals everything with a new key. When it is interrupted nothing is
	// lost, and the next call goes on.
	RotateKey(ctx context.Context, step func(done, all int)) (KeyRotation, error)
}

// StoreCheck is what a check of the store found.
type StoreCheck struct {
	Path string `json:"path"`
	// Generation counts the writes of the store.
	Generation uint64 `json:"generation"`
	// Records counts what is whole, by kind; Keys by the id of the key that seals it.
	Records        map[string]int `json:"records"`
	Keys           map[string]int `json:"keys"`
	JournalEntries int            `json:"journal_entries"`
	JournalBytes   int64          `json:"journal_bytes"`
	// Problems are what is wrong, one line each.
	Problems []string `json:"problems"`
}

// KeyRotation is what a rotation did.
type KeyRotation struct {
	Old string `json:"old"`
	New string `json:"new"`
	// Resumed: it went on with one that was interrupted.
	Resumed bool `json:"resumed,omitempty"`
	// Records were sealed anew; Unreadable are damaged, and were not.
	Records    int `json:"records"`
	Unreadable int `json:"unreadable,omitempty"`
	// OldKeyFile keeps the old key, for backups from before.
	OldKeyFile string `json:"old_key_file"`
}

// storeLine is one line of an answer that takes long: a step, or the end.
type storeLine struct {
	Done    int          `json:"done,omitempty"`
	All     int          `json:"all,omitempty"`
	Check   *StoreCheck  `json:"check,omitempty"`
	Rotated *KeyRotation `json:"rotated,omitempty"`
	Error   *Error       `json:"error,omitempty"`
}

// backupSize is the trailer that says how long a whole backup is.
const backupSize = "Patchbay-Backup-Complete"

func (h handler) storeRoutes(e *echo.Echo) {
	e.POST("/v1/store/check", func(c echo.Context) error {
		return h.steps(c, func(ctx context.Context, step func(done, all int)) (storeLine, error) {
			found, err := h.ops.CheckStore(ctx, step)
			return storeLine{Check: &found}, err
		})
	})
	e.POST("/v1/store/rotate-key", func(c echo.Context) error {
		return h.steps(c, func(ctx context.Context, step func(done, all int)) (storeLine, error) {
			rotated, err := h.ops.RotateKey(ctx, step)
			return storeLine{Rotated: &rotated}, err
		})
	})
	e.POST("/v1/store/backup", h.backupStore)
}

// steps answers with a JSON object a line: some for how far it is, the last for
// what came of it.
func (h handler) steps(c echo.Context, run func(ctx context.Context, step func(done, all int)) (storeLine, error)) error {
	w := c.Response()
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	last := -1
	tell := func(l storeLine) {
		// Who does not listen any more misses nothing but how far it is.
		if enc.Encode(l) == nil {
			_ = control.Flush()
		}
	}
	line, err := run(c.Request().Context(), func(done, all int) {
		if part := 100 * done / max(all, 1); part != last {
			last = part
			tell(storeLine{Done: done, All: all})
		}
	})
	if err != nil {
		if !w.Committed {
			return err
		}
		line = storeLine{Error: asError(err)}
	}
	tell(line)
	return nil
}

// backupStore answers with the store. A trailer says how long a whole one is.
func (h handler) backupStore(c echo.Context) error {
	w := c.Response()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Trailer", backupSize)
	counted := &counter{w: w}
	if err := h.ops.BackupStore(c.Request().Context(), counted); err != nil {
		return err // what was begun has no trailer
	}
	w.Header().Set(backupSize, strconv.FormatInt(counted.n, 10))
	return nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil // it would begin the answer
	}
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// CheckStore implements Operations.
func (c *Client) CheckStore(ctx context.Context, step func(done, all int)) (StoreCheck, error) {
	line, err := c.follow(ctx, "/v1/store/check", step)
	if err == nil && line.Check == nil {
		err = c.strange()
	}
	if err != nil {
		return StoreCheck{}, err
	}
	return *line.Check, nil
}

// RotateKey implements Operations.
func (c *Client) RotateKey(ctx context.Context, step func(done, all int)) (KeyRotation, error) {
	line, err := c.follow(ctx, "/v1/store/rotate-key", step)
	if err == nil && line.Rotated == nil {
		err = c.strange()
	}
	if err != nil {
		return KeyRotation{}, err
	}
	return *line.Rotated, nil
}

// BackupStore implements Operations.
func (c *Client) BackupStore(ctx context.Context, w io.Writer) error {
	resp, err := c.stream(ctx, http.MethodPost, "/v1/store/backup")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(w, resp.Body)
	if err != nil {
		return fmt.Errorf("read the backup from the server at %s: %w", c.path, err)
	}
	if whole := resp.Trailer.Get(backupSize); whole != strconv.FormatInt(n, 10) {
		return fmt.Errorf("the server at %s broke off after %d bytes; its log says why", c.path, n)
	}
	return nil
}

// follow reads an answer of steps to its end.
func (c *Client) follow(ctx context.Context, target string, step func(done, all int)) (storeLine, error) {
	resp, err := c.stream(ctx, http.MethodPost, target)
	if err != nil {
		return storeLine{}, err
	}
	defer resp.Body.Close()
	for dec := json.NewDecoder(resp.Body); ; {
		var l storeLine
		if err := dec.Decode(&l); err != nil {
			return storeLine{}, fmt.Errorf("the server at %s broke off: %w", c.path, err)
		}
		switch {
		case l.Error != nil:
			return storeLine{}, l.Error
		case l.All == 0:
			return l, nil
		case step != nil:
			step(l.Done, l.All)
		}
	}
}

func (c *Client) strange() error {
	return errors.New("the server at " + c.path + " answered with something else: server and command may be of different versions")
}

// stream makes a request whose answer is read bit by bit.
func (c *Client) stream(ctx context.Context, method, target string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, (&url.URL{Scheme: "http", Host: "patchbay", Path: target}).String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set(commandHeader, commandValue)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the server at %s did not answer: %w", c.path, err)
	}
	if resp.StatusCode < http.StatusBadRequest {
		return resp, nil
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read the answer of the server at %s: %w", c.path, err)
	}
	return nil, c.failed(resp.StatusCode, raw)
}
