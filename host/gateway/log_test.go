package gateway

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/executor"
)

func TestOneLineARequest(t *testing.T) {
	clock := time.Unix(1700000000, 0)
	b := newBench(t, func(o *Options) { o.Now = func() time.Time { return clock } })
	s := newStream(executor.FramingPayload, io.EOF, "1")
	b.mgr.open = func(context.Context, executor.Request, executor.Options) (executor.Stream, error) {
		clock = clock.Add(1500 * time.Millisecond)
		return advancing{s, func() { clock = clock.Add(time.Second) }}, nil
	}
	w := b.do("POST", chatPath+"?key=canary-query", streamBody, "X-Custom", "canary-header")
	lines := b.log.lines(t)
	if len(lines) != 1 {
		t.Fatalf("%d lines", len(lines))
	}
	delete(lines[0], "time")
	for name, want := range map[string]any{
		"level": "INFO", "msg": "request", "request_id": w.Header().Get("X-Request-Id"), "key_id": b.id, "method": "POST", "route": chatPath,
		"model": "small", "stream": true, "credential": "cred-2", "attempts": 2.0, "status": 200.0, "ttfb_ms": 1500.0, "total_ms": 2500.0,
		"bytes_out": float64(w.Body.Len()),
	} {
		if lines[0][name] != want {
			t.Errorf("%s is %v, want %v", name, lines[0][name], want)
		}
		delete(lines[0], name)
	}
	if len(lines[0]) != 0 {
		t.Errorf("also logged %v", lines[0])
	}
}

// advancing moves the clock at the end of the stream.
type advancing struct {
	*fakeStream
	tick func()
}

func (a advancing) Next() ([]byte, error) {
	piece, err := a.fakeStream.Next()
	if err != nil {
		a.tick()
	}
	return piece, err
}

func TestLogHoldsNeitherSecretsNorBodies(t *testing.T) {
	b := newBench(t)
	long := strings.Repeat("é", 200)
	b.mgr.models = append(b.mgr.models, host.ModelInfo{ID: long})
	b.mgr.execute = func(context.Context, executor.Request, executor.Options) (executor.Response, error) {
		return executor.Response{}, &executor.UpstreamError{Status: 401, Message: "refused", Body: []byte(`{"error":"canary-upstream"}`)}
	}
	w := b.do("POST", chatPath, `{"model":"`+long+`","messages":"canary-body"}`, "Cookie", "canary-cookie")
	if strings.Contains(w.Body.String(), "canary") || w.Code != 503 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	b.do("POST", "/canary-path", "canary-body")
	b.do("GET", "/v1/models/canary%0amodel", "")
	log := b.log.String()
	if strings.Contains(log, "canary") || strings.Contains(log, b.key[12:]) {
		t.Errorf("the log is %s", log)
	}
	line := b.log.lines(t)[0]
	if model := line["model"].(string); len(model) > maxLoggedModel+3 || line["code"] != "auth_unavailable" || line["error"] != "upstream status 401: refused" {
		t.Errorf("logged %v", line)
	}
}
