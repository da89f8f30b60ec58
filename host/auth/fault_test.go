package auth_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host/auth"
)

func TestFaultOf(t *testing.T) {
	const (
		none, request, model, grant = auth.FaultNone, auth.FaultRequest, auth.FaultModel, auth.FaultGrant
	)
	for _, c := range []struct {
		status int
		code   string
		text   string
		want   auth.Fault
	}{
		{0, "", "dial tcp: refused", none},
		{400, "", "bad", request},
		{400, "", `{"error":{"type":"invalid_request_error"}}`, request},
		{409, "", "", request},
		{413, "", "", request},
		{422, "", "", request},
		{401, "", "", none},
		{402, "", `{"error":{"type":"invalid_request_error"}}`, none},
		{403, "", "", none},
		{404, "", "", none},
		{408, "", "", none},
		{418, "", "", none},
		{429, "", `{"error":{"code":"context_length_exceeded"}}`, none},
		{500, "", "oops", none},
		{529, "", "", none},

		// A wrong key and a missing model, as the most copied API says them.
		{401, "", `{"error":{"message":"Incorrect API key","type":"invalid_request_error","code":"invalid_api_key"}}`, none},
		{401, "", `{"type":"error","error":{"type":"authentication_error"}}`, none},
		{404, "", `{"error":{"message":"no","type":"invalid_request_error","code":"model_not_found"}}`, model},
		{400, "", `{"error":{"code":"model_not_found"}}`, model},

		// Codes that say it whatever the status is, and where they may stand.
		{403, "", `{"error":{"code":"cyber_policy"}}`, request},
		{500, "", `{"code":"context_length_exceeded"}`, request},
		{500, "", `{"response":{"error":{"code":"invalid_prompt"}}}`, request},
		{500, "", `{"body":{"error":{"type":"bad_request_error"}}}`, request},
		{500, "", `{"error":{"type":"invalid_request_error"}}`, request},
		{500, "", `{"message":"context_length_exceeded"}`, none},
		{500, "", `{"deep":{"error":{"code":"invalid_prompt"}}}`, none},
		{0, "", `{"error":{"code":"message_too_big"}}`, request},
		{0, "", `event: error {"error":{"code":"message_too_big"}}`, request},
		{404, "", `{"error":{"code":"previous_response_not_found"}}`, request},
		{404, "", "Item with id 'x' not found. Items are not persisted when `store` is set to false.", request},
		{404, "", "Item with id 'x' not found.", none},
		{403, "", `{"error":{"type":"invalid_request_error"}}`, none},

		{400, "", "The Requested Model is not supported.", model},
		{422, "", "this is not available for your plan", model},
		{403, "", "model is not supported", none},
		{404, "", "unsupported model", none},

		{400, "", `{"error":"invalid_grant","error_description":"revoked"}`, grant},
		{401, "", `{"error":"invalid_grant"}`, grant},
		{400, "", "oauth2: invalid_grant", grant},
		{400, "", `{"error":{"message":"the word invalid_grant in a prompt","type":"x"}}`, request},
		{403, "", `{"error":"invalid_grant"}`, none},

		// What the provider's plugin made of it.
		{400, "auth_invalid", "API key not valid", none},
		{400, "billing", `{"error":{"type":"invalid_request_error"}}`, none},
		{400, "rate_limited", "", none},
		{400, "transient", "", none},
		{200, "overloaded", "", none},
		{500, "bad_request", "", request},
		{200, "content_filter", "", request},
		{0, "context_length", "", request},
		{501, "unsupported", "", request},
		{404, "model_not_found", "", model},
		{0, auth.CodeModelNotSupported, "", model},
		{500, auth.CodeRequestScoped, "", request},
		{500, auth.CodeInvalidRequest, "", request},
		{500, auth.CodeConnectionLifecycle, "", auth.FaultLifecycle},
		{500, auth.CodeInvalidGrant, "", grant},
		{500, "never_heard_of", "", none},
	} {
		if got := auth.FaultOf(c.status, c.code, c.text); got != c.want {
			t.Errorf("%d %q %s: %d, want %d", c.status, c.code, c.text, got, c.want)
		}
		e := &auth.Error{HTTPStatus: c.status, Code: c.code, Message: c.text}
		if got := e.Fault(); got != c.want {
			t.Errorf("(%v).Fault() = %d", e, got)
		}
	}
	if (*auth.Error)(nil).Fault() != none {
		t.Error("nil is a fault")
	}
}

func TestCountsAs(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   int
	}{
		{400, "", 400}, {400, "auth_invalid", 401}, {403, "auth_invalid", 401}, {400, "billing", 402}, {503, "rate_limited", 429},
		{200, "overloaded", 529}, {503, "overloaded", 503}, {0, "transient", 503}, {500, "transient", 500}, {504, "transient", 504},
		{0, "stream_broken", 502}, {418, "something", 418},
	} {
		if got := auth.CountsAs(c.status, c.code); got != c.want {
			t.Errorf("%d %s: %d, want %d", c.status, c.code, got, c.want)
		}
	}
}

// FuzzFaultOf: no body that a provider sends breaks the classification, turns a
// used-up quota into a fault of the request, or blames the credential for a
// request.
func FuzzFaultOf(f *testing.F) {
	for _, s := range []string{"", "{", `{"error":{"code":1}}`, `{"error":[]}`, `x {"type":"invalid_request"}`, "unsupported model", strings.Repeat(`{"error":`, 99)} {
		f.Add(400, "", s)
		f.Add(429, "transient", s)
	}
	f.Fuzz(func(t *testing.T, status int, code, text string) {
		got := auth.FaultOf(status, code, text)
		if code != "" {
			return
		}
		if status == http.StatusTooManyRequests && got != auth.FaultNone {
			t.Errorf("429 became %d", got)
		}
		if status >= 500 && got != auth.FaultNone && got != auth.FaultRequest {
			t.Errorf("%d became %d", status, got)
		}
	})
}
