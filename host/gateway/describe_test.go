package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

func seconds(n float64) *time.Duration {
	d := time.Duration(n * float64(time.Second))
	return &d
}

const providerBody = `{"error":{"message":"no","type":"invalid_request_error"}}`

func TestDescribe(t *testing.T) {
	type up = executor.UpstreamError
	now := time.Unix(1700000000, 0)
	rejected := []byte(providerBody)
	cases := []struct {
		name       string
		err, cause error
		status     int
		code       string
		retry      string // Retry-After, empty for none
		body       bool   // the provider's own
	}{
		{"400", &up{Status: 400, Body: rejected}, nil, 400, codeUpstream, "", true},
		{"404", &up{Status: 404, Body: rejected}, nil, 404, codeUpstream, "", true},
		{"409", &up{Status: 409, Body: rejected}, nil, 409, codeUpstream, "", true},
		{"413", &up{Status: 413, Body: rejected}, nil, 413, codeUpstream, "", true},
		{"422", &up{Status: 422, Body: rejected}, nil, 422, codeUpstream, "", true},
		{"404 as a page", &up{Status: 404, Body: []byte("<html>"), ContentType: "text/html"}, nil, 404, codeUpstream, "", false},
		{"400 as an array", &up{Status: 400, Body: []byte("[1]")}, nil, 400, codeUpstream, "", false},
		{"400 cut short", &up{Status: 400, Body: []byte(`{"error":`)}, nil, 400, codeUpstream, "", false},
		{"415 by scope", &up{Status: 415, Body: rejected, RequestScope: true}, nil, 415, codeUpstream, "", true},
		{"a code, no status", &up{Code: "content_filter", Message: "no"}, nil, 400, "content_filter", "", false},
		{"scope in a 200", &up{Status: 200, RequestScope: true}, nil, 400, codeUpstream, "", false},
		// An answer that was too long was once told as a fault of the request.
		{"work that is of no use", &up{Status: 502, RequestScope: true, Committed: true, Message: "too long"}, nil, 502, codeUpstream, "", false},
		{"a wrong key as 400", &up{Status: 400, Code: "auth_invalid", Body: rejected}, nil, 503, auth.CodeAuthUnavailable, "", false},
		{"401", &up{Status: 401, Body: rejected}, nil, 503, auth.CodeAuthUnavailable, "", false},
		{"401 by scope", &up{Status: 401, Body: rejected, RequestScope: true}, nil, 503, auth.CodeAuthUnavailable, "", false},
		{"402", &up{Status: 402}, nil, 503, auth.CodeAuthUnavailable, "", false},
		{"403", &up{Status: 403, Body: []byte(`{"error":{"message":"key sk-x is disabled"}}`)}, nil, 503, auth.CodeAuthUnavailable, "", false},
		{"429", &up{Status: 429, Retry: seconds(1.2)}, nil, 429, codeRateLimited, "2", false},
		{"429 without a hint", &up{Status: 429, Body: rejected}, nil, 429, codeRateLimited, "1", false},
		{"429 with none to wait", &up{Status: 429, Retry: seconds(0)}, nil, 429, codeRateLimited, "1", false},
		{"500", &up{Status: 500, Body: []byte(`{"error":{"type":"server_error"}}`)}, nil, 502, codeUpstream, "", false},
		{"500 about the request", &up{Status: 500, Body: rejected}, nil, 400, codeUpstream, "", true},
		{"502", &up{Status: 502}, nil, 502, codeUpstream, "", false},
		{"503", &up{Status: 503, Retry: seconds(3)}, nil, 503, codeUpstreamBusy, "3", false},
		{"529", &up{Status: 529}, nil, 503, codeUpstreamBusy, "", false},
		{"504", &up{Status: 504}, nil, 504, codeUpstreamSlow, "", false},
		{"408", &up{Status: 408}, nil, 504, codeUpstreamSlow, "", false},
		{"302", &up{Status: 302}, nil, 502, codeUpstream, "", false},
		{"418", &up{Status: 418}, nil, 502, codeUpstream, "", false},
		{"no answer", &up{Err: io.ErrUnexpectedEOF}, nil, 502, codeUpstream, "", false},
		{"no answer in time", &up{Err: fmt.Errorf("dial: %w", os.ErrDeadlineExceeded)}, nil, 504, codeUpstreamSlow, "", false},
		{"wrapped", fmt.Errorf("attempt 3: %w", &up{Status: 429, Retry: seconds(7)}), nil, 429, codeRateLimited, "7", false},
		{"cooling", auth.NewCooldownError("small", "p", now.Add(90500*time.Millisecond), now), nil, 429, auth.CodeModelCooldown, "91", false},
		{"cooling no more", auth.NewCooldownError("small", "p", now, now), nil, 429, auth.CodeModelCooldown, "1", false},
		{"core 404", &auth.Error{Code: auth.CodeProviderNotFound, Message: "x"}, nil, 404, codeModelNotFound, "", false},
		{"core no auth", &auth.Error{Code: auth.CodeAuthNotFound}, nil, 503, auth.CodeAuthNotFound, "", false},
		{"core unavailable", &auth.Error{Code: auth.CodeAuthUnavailable, HTTPStatus: 401}, nil, 503, auth.CodeAuthUnavailable, "", false},
		{"core no executor", &auth.Error{Code: auth.CodeExecutorNotFound}, nil, 503, auth.CodeExecutorNotFound, "", false},
		{"core empty", &auth.Error{Code: auth.CodeEmptyStream, Message: "x"}, nil, 502, auth.CodeEmptyStream, "", false},
		{"core not supported", &auth.Error{Code: auth.CodeNotSupported, Message: "x"}, nil, 501, auth.CodeNotSupported, "", false},
		{"core bad request", &auth.Error{Code: auth.CodeInvalidRequest, Message: "x"}, nil, 400, auth.CodeInvalidRequest, "", false},
		{"core cooldown", &auth.Error{Code: auth.CodeModelCooldown, Message: "x"}, nil, 429, auth.CodeModelCooldown, "1", false},
		{"core other", &auth.Error{Code: "odd", HTTPStatus: 500}, nil, 502, codeUpstream, "", false},
		{"a plugin's fault", &auth.Error{Code: auth.CodePlugin, HTTPStatus: 504, Message: "the plugin x failed (deadline)"}, nil, 504, auth.CodePlugin, "", false},
		{"core other 401", &auth.Error{Code: "odd", HTTPStatus: 401}, nil, 503, auth.CodeAuthUnavailable, "", false},
		{"core without a status", &auth.Error{Code: "odd"}, nil, 500, codeInternal, "", false},
		{"any error", errors.New("secret detail"), nil, 500, codeInternal, "", false},
		{"any timeout", context.DeadlineExceeded, nil, 504, codeUpstreamSlow, "", false},
		{"client left", context.Canceled, context.Canceled, 499, codeClientGone, "", false},
		{"client left, other error", &up{Status: 500}, context.Canceled, 499, codeClientGone, "", false},
		{"too long", context.DeadlineExceeded, errTimeout, 504, codeTimeout, "", false},
		{"shutdown", context.Canceled, errShutdown, 503, codeShutdown, "1", false},
	}
	for _, c := range cases {
		p := describe(c.err, c.cause, false)
		retry := ""
		if p.retryAfter != nil {
			retry = fmt.Sprint(wholeSeconds(*p.retryAfter))
		}
		if p.status != c.status || p.code != c.code || retry != c.retry || (p.body != nil) != c.body {
			t.Errorf("%s: got %d %s retry %q body %s", c.name, p.status, p.code, retry, p.body)
		}
		if p.message == "" && p.status != statusClientGone {
			t.Errorf("%s: no message", c.name)
		}
		if !errors.Is(p.cause, c.err) {
			t.Errorf("%s: the cause is lost", c.name)
		}
		if p.status == http.StatusServiceUnavailable && p.code == auth.CodeAuthUnavailable && p.message != noCredential(nil).message {
			t.Errorf("%s: tells about credentials: %s", c.name, p.message)
		}
	}
}

// TestDescribePassthrough: the operator may want clients to see what a provider
// says of the credential.
func TestDescribePassthrough(t *testing.T) {
	rejected := []byte(providerBody)
	for _, status := range []int{401, 402, 403} {
		err := &executor.UpstreamError{Status: status, Body: rejected}
		if p := describe(err, nil, true); p.status != status || string(p.body) != providerBody {
			t.Errorf("%d became %d %s", status, p.status, p.body)
		}
		if p := describe(err, nil, false); p.status != http.StatusServiceUnavailable || p.body != nil {
			t.Errorf("%d without: %d %s", status, p.status, p.body)
		}
	}
	hinted := &executor.UpstreamError{Status: 403, Retry: seconds(3)}
	if p := describe(hinted, nil, false); p.retryAfter == nil || *p.retryAfter != *seconds(3) {
		t.Error("the hint is gone")
	}
}

func TestAtBorder(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "data: x\n\n": true, "data: x\r\n\r\n": true, "data: x\r\r": true, "data: x\n\r\n": true, "\n\n": true, "\n": true, "\r\n": true,
		"data: x": false, "data: x\n": false, "data: x\r\n": false, "data: x\r": false, "d": false, "x\n": false, "\nx": false,
	} {
		w := eventWriter{tail: []byte(text)[max(0, len(text)-tailLength):]}
		if got := atBorder(w.tail); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
