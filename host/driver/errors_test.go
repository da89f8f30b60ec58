package driver

import (
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// TestAnswersThatAreTooLong: a cap ends in an error, never in a cut answer.
func TestAnswersThatAreTooLong(t *testing.T) {
	block := strings.Repeat("x", 1<<20)
	up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 34 {
			if _, err := io.WriteString(w, block); err != nil {
				return
			}
		}
	})
	for _, s := range []abi.Send{{Deliver: abi.DeliverPass}, {Deliver: abi.DeliverWhole, MaxBytes: 4096}} {
		_, err := execute(t, newExecutor(t, always(send(s)...), manifest()), up.URL)
		if u := upstreamError(t, err); u.Status != 502 || !u.Committed || !u.RequestScope {
			t.Errorf("%v: %+v", s.Deliver, u)
		}
	}
}

// TestAnswersThatAreNone: a success without an answer fails over. An empty body
// once went to the client as a complete answer, and a page as a stream.
func TestAnswersThatAreNone(t *testing.T) {
	for name, c := range map[string]struct{ kind, body string }{
		"nothing":  {"", ""},
		"a page":   {"text/html; charset=utf-8", "<html>please log in</html>"},
		"a stream": {"text/event-stream", "data: {}\n\n"},
	} {
		up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			io.WriteString(w, c.body)
		})
		e := newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest())
		_, err := execute(t, e, up.URL)
		if u := upstreamError(t, err); u.Status != 502 || u.RequestScope || u.Committed {
			t.Errorf("%s: %+v", name, u)
		}
		if c.kind != "text/html; charset=utf-8" {
			continue
		}
		_, err = e.OpenStream(t.Context(), credential(up.URL), request(), executor.Options{Stream: true})
		if u := upstreamError(t, err); u.Status != 502 || u.RequestScope || u.Committed {
			t.Errorf("%s as a stream: %+v", name, u)
		}
	}
}

// TestErrorAnswers: the host's reading of an error, with the secrets gone.
func TestErrorAnswers(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("user:" + testKey))
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		io.WriteString(w, `{"error":{"message":"slow down `+r.Header.Get("Authorization")+`","code":"insufficient_quota"},"b64":"`+encoded+`"}`)
	})
	_, err := execute(t, newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest()), up.URL)
	u := upstreamError(t, err)
	if u.Status != 429 || u.Code != "billing" || u.Message != "slow down Bearer [redacted]" || u.Retry == nil || *u.Retry != 7*time.Second || u.ContentType != "application/json" {
		t.Errorf("error: %+v", u)
	}
	for _, secret := range []string{testKey, encoded[8:20]} {
		if strings.Contains(string(u.Body), secret) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q is left in %s", secret, u.Body)
		}
	}
}

// TestLongErrorBody: an error keeps 64 KiB of its body.
func TestLongErrorBody(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		io.WriteString(w, strings.Repeat("x", 1<<20))
	})
	_, err := execute(t, newExecutor(t, always(send(abi.Send{Deliver: abi.DeliverPass})...), manifest()), up.URL)
	if u := upstreamError(t, err); u.Status != 500 || len(u.Body) != abi.MaxInspect {
		t.Errorf("status %d, %d bytes", u.Status, len(u.Body))
	}
}

// TestCodesAreThoseOfTheSpec: what abi/SPEC.md promises an author about a code
// is what the driver does. Two statuses once differed.
func TestCodesAreThoseOfTheSpec(t *testing.T) {
	spec, err := os.ReadFile("../../abi/SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([0-9]{3}) \\|").FindAllStringSubmatch(string(spec), -1) {
		said[row[1]], _ = strconv.Atoi(row[2])
	}
	done := map[string]int{}
	for name := range codes {
		done[name] = failure(&abi.Fail{Code: name}, nil, strings.Clone, time.Time{}).Status
	}
	if diff := cmp.Diff(said, done); diff != "" {
		t.Error(diff)
	}
}

// TestClassify: the guest says what an error means; what it leaves out is the
// upstream's.
func TestClassify(t *testing.T) {
	up := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "9")
		w.WriteHeader(400)
		io.WriteString(w, `{"error":{"message":"API_KEY_INVALID"}}`)
	})
	nine, two := 9*time.Second, 2*time.Second
	for _, c := range []struct {
		name string
		fail abi.Fail
		want executor.UpstreamError
	}{
		{"code", abi.Fail{Code: "auth_invalid"}, executor.UpstreamError{Status: 400, Code: "auth_invalid", Message: "API_KEY_INVALID", Retry: &nine, RetrySource: executor.HintHeader, CredentialScope: true}},
		{"all of it", abi.Fail{Code: "rate_limited", Message: "mine", HTTPStatus: 429, RetryAfterMS: 2000, Scope: abi.ScopeCredential, Committed: true},
			executor.UpstreamError{Status: 429, Code: "rate_limited", Message: "mine", Retry: &two, RetrySource: executor.HintPlugin, CredentialScope: true, Committed: true}},
		{"request", abi.Fail{Code: "content_filter"}, executor.UpstreamError{Status: 400, Code: "content_filter", Message: "API_KEY_INVALID", Retry: &nine, RetrySource: executor.HintHeader, RequestScope: true}},
		{"unknown code", abi.Fail{Code: "sun_spots", HTTPStatus: 999}, executor.UpstreamError{Status: 400, Code: "transient", Message: "API_KEY_INVALID", Retry: &nine, RetrySource: executor.HintHeader}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &fakeGuest{answer: func(n int, in call) []abi.Action {
				if n == 0 {
					return send(abi.Send{Deliver: abi.DeliverPass, OnError: abi.OnErrorClassify, Step: "x"})
				}
				if in.classify.Step != "x" || in.classify.Response.Status != 400 {
					t.Errorf("classify: %+v", in.classify)
				}
				return []abi.Action{fail(c.fail)}
			}}
			_, err := execute(t, newExecutor(t, g, manifest()), up.URL)
			got := *upstreamError(t, err)
			got.Body, got.ContentType = nil, ""
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
