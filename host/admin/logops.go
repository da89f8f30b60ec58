package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// LogOperations show what a server logs.
type LogOperations interface {
	// Logs calls emit with the newest lines of the log, the oldest of them
	// first, and, with follow, with every further line until ctx or the server
	// ends. An error of emit ends it and is returned. A reader that is too slow
	// loses lines, and is told how many. Without a server it fails with
	// CodeUnavailable.
	Logs(ctx context.Context, follow bool, emit func(LogLine) error) error
}

// LogLine is one line of the log, as it was written and redacted.
type LogLine struct {
	// Line has no line break at its end.
	Line string `json:"line"`
	// Dropped is how many lines were lost just before this one.
	Dropped uint64 `json:"dropped,omitempty"`
}

// logWrite is how long one line may take to be read by a follower.
const logWrite = 10 * time.Second

func (h handler) logRoutes(e *echo.Echo) { e.GET("/v1/logs", h.logs) }

// logs answers with one JSON object a line.
func (h handler) logs(c echo.Context) error {
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	// A follower must not hold up the end of the server.
	stop := context.AfterFunc(h.closing, cancel)
	defer stop()
	w := c.Response()
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	begin := func() error {
		w.WriteHeader(http.StatusOK)
		return control.Flush()
	}
	defer control.SetWriteDeadline(time.Time{}) //nolint:errcheck // a writer without deadlines has none to take back
	enc := json.NewEncoder(w)
	err := h.ops.Logs(ctx, c.QueryParam("follow") == "1", func(l LogLine) error {
		if err := control.SetWriteDeadline(time.Now().Add(logWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if !w.Committed {
			if err := begin(); err != nil {
				return err
			}
		}
		if err := enc.Encode(l); err != nil {
			return err
		}
		return control.Flush()
	})
	if w.Committed {
		return nil // the follower left, or the server ends
	}
	if err != nil && ctx.Err() == nil {
		return err
	}
	return begin()
}

// Logs implements Operations.
func (c *Client) Logs(ctx context.Context, follow bool, emit func(LogLine) error) error {
	target := "/v1/logs"
	if follow {
		target += "?follow=1"
	}
	body, err := c.open(ctx, target)
	if err != nil {
		return err
	}
	defer body.Close()
	for dec := json.NewDecoder(body); ; {
		var l LogLine
		err := dec.Decode(&l)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil // the server has ended
		case err != nil:
			return fmt.Errorf("read the log of the server at %s: %w", c.path, err)
		}
		if err := emit(l); err != nil {
			return err
		}
	}
}

// open makes a request whose answer is read bit by bit.
func (c *Client) open(ctx context.Context, target string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://patchbay"+target, nil)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set(commandHeader, commandValue)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the server at %s did not answer: %w", c.path, err)
	}
	if resp.StatusCode < http.StatusBadRequest {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read the answer of the server at %s: %w", c.path, err)
	}
	return nil, c.failed(resp.StatusCode, raw)
}
