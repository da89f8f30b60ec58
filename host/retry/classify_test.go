package retry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/retry"
)

func upstream(status int, code, body string) *executor.UpstreamError {
	return &executor.UpstreamError{Status: status, Code: code, Message: "short", Body: []byte(body)}
}

// coded is an error of an executor that knows nothing of ours.
type coded struct {
	status int
	text   string
}

func (c coded) Error() string   { return c.text }
func (c coded) StatusCode() int { return c.status }

type scoped struct {
	coded
	request, credential bool
}

func (s scoped) IsRequestScoped() bool    { return s.request }
func (s scoped) IsCredentialScoped() bool { return s.credential }

// TestClassify has a row for every kind of error: is the request at fault, did
// only the connection go, may another credential be tried.
func TestClassify(t *testing.T) {
	committed := upstream(502, "", "")
	committed.Committed = true
	badButCredential := upstream(400, "", "")
	badButCredential.CredentialScope = true
	requestScope := upstream(429, "", "")
	requestScope.RequestScope = true
	for name, c := range map[string]struct {
		err                          error
		request, lifecycle, failover bool
		status                       int
	}{
		"nil":                       {nil, false, false, false, 0},
		"400":                       {upstream(400, "", ""), true, false, false, 400},
		"400, wrapped":              {fmt.Errorf("attempt: %w", upstream(400, "", "")), true, false, false, 400},
		"400 of the credential":     {badButCredential, false, false, true, 400},
		"400, key not valid":        {upstream(400, "auth_invalid", ""), false, false, true, 401},
		"400, model-support":        {upstream(400, "", "model is not supported"), false, false, true, 400},
		"400, invalid_grant":        {upstream(400, "", `{"error":"invalid_grant"}`), false, false, true, 400},
		"401":                       {upstream(401, "", `{"error":{"type":"invalid_request_error"}}`), false, false, true, 401},
		"402":                       {upstream(402, "", ""), false, false, true, 402},
		"404":                       {upstream(404, "", ""), false, false, true, 404},
		"413":                       {upstream(413, "", ""), true, false, false, 413},
		"422":                       {coded{422, "no"}, true, false, false, 422},
		"429":                       {upstream(429, "", `{"error":{"code":"invalid_value"}}`), false, false, true, 429},
		"429 of the request":        {requestScope, true, false, false, 429},
		"500":                       {coded{500, "oops"}, false, false, true, 500},
		"500, prompt too long":      {upstream(500, "", `{"error":{"code":"context_length_exceeded"}}`), true, false, false, 500},
		"502, committed":            {committed, false, false, false, 502},
		"committed, wrapped":        {fmt.Errorf("x: %w", committed), false, false, false, 502},
		"no answer":                 {&executor.UpstreamError{Err: errors.New("dial")}, false, false, true, 0},
		"any error":                 {errors.New("some text with status 400"), false, false, true, 0},
		"declared request":          {scoped{coded{500, ""}, true, false}, true, false, false, 500},
		"declared credential":       {scoped{coded{400, ""}, false, true}, false, false, true, 400},
		"canceled":                  {&executor.UpstreamError{Err: context.Canceled}, false, true, false, 0},
		"deadline of the attempt":   {context.DeadlineExceeded, false, true, true, 0},
		"EOF":                       {&executor.UpstreamError{Err: io.ErrUnexpectedEOF}, false, true, true, 0},
		"EOF in words, with status": {coded{502, "EOF"}, false, false, true, 502},
		"EOF below a status":        {&executor.UpstreamError{Status: 502, Err: io.EOF}, false, false, true, 502},
		"empty stream":              {&auth.Error{Code: auth.CodeEmptyStream}, false, false, true, 0},
		"invalid_request":           {&auth.Error{Code: auth.CodeInvalidRequest}, true, false, false, 0},
		"all cooling down":          {auth.NewCooldownError("m", "p", time.Time{}, time.Time{}), false, false, true, 429},
		"connection lifecycle":      {&auth.Error{Code: auth.CodeConnectionLifecycle}, false, true, true, 0},
	} {
		if got := retry.RequestFault(c.err); got != c.request {
			t.Errorf("%s: RequestFault is %v", name, got)
		}
		if got := retry.Lifecycle(c.err); got != c.lifecycle {
			t.Errorf("%s: Lifecycle is %v", name, got)
		}
		if got := retry.Failover(c.err); got != c.failover {
			t.Errorf("%s: Failover is %v", name, got)
		}
		if got := retry.StatusOf(c.err); got != c.status {
			t.Errorf("%s: status %d, want %d", name, got, c.status)
		}
	}
}

func TestResultOf(t *testing.T) {
	hint := 3 * time.Second
	limited := upstream(429, "", "")
	limited.Retry, limited.CredentialScope = &hint, true
	silent := upstream(401, "", `{"error":{"message":"key expired"}}`)
	silent.Message = ""
	word := upstream(500, "", `{"error":"overheated"}`)
	word.Message = ""
	long := coded{500, strings.Repeat("é", 400)}
	for name, c := range map[string]struct {
		err  error
		want auth.Error
	}{
		"a hint, wrapped":       {fmt.Errorf("attempt: %w", limited), auth.Error{Message: "short", HTTPStatus: 429, Retryable: true}},
		"message of the body":   {silent, auth.Error{Message: "key expired", HTTPStatus: 401}},
		"a word for a message":  {word, auth.Error{Message: "overheated", HTTPStatus: 500, Retryable: true}},
		"fault of the request":  {upstream(400, "bad_request", ""), auth.Error{Code: auth.CodeRequestScoped, Message: "short", HTTPStatus: 400}},
		"told by the body only": {upstream(404, "", `{"error":{"code":"model_not_found"}}`), auth.Error{Code: auth.CodeModelNotSupported, Message: "short", HTTPStatus: 404}},
		"a dead grant":          {upstream(400, "", `{"error":"invalid_grant"}`), auth.Error{Code: auth.CodeInvalidGrant, Message: "short", HTTPStatus: 400}},
		"client gone":           {context.Canceled, auth.Error{Code: auth.CodeConnectionLifecycle, Message: "context canceled"}},
		"the provider's code":   {upstream(400, "auth_invalid", ""), auth.Error{Code: "auth_invalid", Message: "short", HTTPStatus: 401}},
		"our own error":         {&auth.Error{Code: auth.CodeEmptyStream, Message: "nothing came"}, auth.Error{Code: auth.CodeEmptyStream, Message: "nothing came", Retryable: true}},
		"no URL in the message": {&url.Error{Op: "Post", URL: "https://h?key=secret", Err: errors.New("refused")}, auth.Error{Message: "Post: refused", Retryable: true}},
		"cut between runes":     {long, auth.Error{Message: strings.Repeat("é", 256) + "…", HTTPStatus: 500, Retryable: true}},
		"cut inside a rune":     {coded{500, "x" + long.text}, auth.Error{Message: "x" + strings.Repeat("é", 255) + "…", HTTPStatus: 500, Retryable: true}},
	} {
		got, retryAfter, credentialScope := retry.ResultOf(c.err)
		if diff := cmp.Diff(&c.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if wantHint := name == "a hint, wrapped"; (retryAfter != nil && *retryAfter == hint) != wantHint || credentialScope != wantHint {
			t.Errorf("%s: hint %v, credential scope %v", name, retryAfter, credentialScope)
		}
	}
	if e, hint, scope := retry.ResultOf(nil); e != nil || hint != nil || scope {
		t.Error("nil is a failure")
	}
}
