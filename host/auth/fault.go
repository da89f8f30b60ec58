package auth

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Codes with which an Error says itself what it is about, whatever its status.
const (
	// CodeRequestScoped: the request is at fault.
	CodeRequestScoped = "request_scoped"
	// CodeConnectionLifecycle: the client or the connection went away.
	CodeConnectionLifecycle = "connection_lifecycle"
	// CodeModelNotSupported: the credential may not use the model.
	CodeModelNotSupported = "model_not_supported"
	// CodeForceCooldown: the operator wants the credential kept away, whatever the
	// error is.
	CodeForceCooldown = "force_cooldown"
	// CodeInvalidGrant: the token behind the credential was revoked.
	CodeInvalidGrant = "invalid_grant"
)

// Fault is what a failure is about, where its status alone does not tell.
type Fault uint8

// The faults. With FaultNone the status decides.
const (
	FaultNone Fault = iota
	// FaultRequest: the request is wrong; no credential is to blame and no
	// other will do better.
	FaultRequest
	// FaultLifecycle: the client or the connection went away; nothing was
	// learned of the credential.
	FaultLifecycle
	// FaultModel: this credential may not use this model.
	FaultModel
	// FaultGrant: the token behind the credential was revoked.
	FaultGrant
)

// requestCodes name faults of a request whatever the status beside them.
var requestCodes = []string{
	"cyber_policy", "context_length_exceeded", "message_too_big", "string_above_max_length", "invalid_prompt",
	"invalid_value", "unsupported_value", "previous_response_not_found",
}

// requestTypes say only that something was wrong with the request. Providers
// also put them beside a wrong key (401), a missing model (404) or a used-up
// quota (429), so there the status is believed.
var requestTypes = []string{"invalid_request_error", "invalid_request", "bad_request_error"}

var modelTexts = []string{
	"model_not_supported", "requested model is not supported", "requested model is unsupported",
	"requested model is unavailable", "model is not supported", "model not supported", "unsupported model",
	"model unavailable", "not available for your plan", "not available for your account",
}

var notPersistedTexts = []string{
	"item with id", "not found", "items are not persisted when `store` is set to false",
}

// Fault classifies the error by its code, status and message.
func (e *Error) Fault() Fault {
	if e == nil {
		return FaultNone
	}
	return FaultOf(e.HTTPStatus, e.Code, e.Message)
}

// providerCodes are the codes of the plugin contract that say more than the
// status beside them, with the status that such a failure counts as.
var providerCodes = map[string]int{
	"auth_invalid":  http.StatusUnauthorized,
	"billing":       http.StatusPaymentRequired,
	"rate_limited":  http.StatusTooManyRequests,
	"overloaded":    529,
	"transient":     http.StatusServiceUnavailable,
	"stream_broken": http.StatusBadGateway,
}

// providerRequestCodes are the codes of the plugin contract for which no
// credential is to blame.
var providerRequestCodes = []string{"bad_request", "context_length", "content_filter", "unsupported"}

// CountsAs returns the HTTP status that a failure counts as: the provider's
// own classification wins over a status that says something else, such as a
// wrong key answered with 400.
func CountsAs(status int, code string) int {
	if s, ok := providerCodes[code]; ok && (s < 500 || status < 500) {
		return s
	}
	return status
}

// FaultOf classifies a failure by its HTTP status (0 when no answer came), the
// code that the executor gave it (may be empty), and its text: the provider's
// error body if there is one, else the message. spec: core.md 2.5.
func FaultOf(status int, code, text string) Fault {
	switch code {
	case CodeRequestScoped, CodeInvalidRequest:
		return FaultRequest
	case CodeConnectionLifecycle:
		return FaultLifecycle
	case CodeModelNotSupported, CodeModelNotFound:
		return FaultModel
	case CodeInvalidGrant:
		return FaultGrant
	case CodeForceCooldown:
		return FaultNone
	}
	if slices.Contains(providerRequestCodes, code) {
		return FaultRequest
	}
	f := failure{status: CountsAs(status, code), text: strings.ToLower(text)}
	f.codes, f.structured = bodyCodes(text)
	if code != "" {
		f.codes = append(f.codes, code)
	}
	switch {
	case f.isModel():
		return FaultModel
	case f.isGrant():
		return FaultGrant
	case f.isRequest():
		return FaultRequest
	}
	return FaultNone
}

type failure struct {
	status int
	// codes are what executor and body call the error; structured says that
	// the body is JSON, so that its prose need not be searched for them.
	codes      []string
	structured bool
	// text is in lower case.
	text string
}

func (f failure) isModel() bool {
	switch f.status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return f.called(CodeModelNotFound, CodeModelNotSupported) || slices.ContainsFunc(modelTexts, f.says)
	case http.StatusNotFound:
		return f.called(CodeModelNotFound, CodeModelNotSupported)
	}
	return false
}

func (f failure) isGrant() bool {
	if f.status != http.StatusBadRequest && f.status != http.StatusUnauthorized {
		return false
	}
	return f.called(CodeInvalidGrant) || !f.structured && f.says(CodeInvalidGrant)
}

func (f failure) isRequest() bool {
	switch f.status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusTooManyRequests:
		return false
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	case http.StatusNotFound:
		return f.called(requestCodes...) || !slices.ContainsFunc(notPersistedTexts, f.lacks)
	case http.StatusForbidden, http.StatusRequestTimeout:
		return f.called(requestCodes...)
	}
	return f.called(requestCodes...) || f.called(requestTypes...)
}

func (f failure) called(known ...string) bool {
	return slices.ContainsFunc(f.codes, func(c string) bool { return slices.Contains(known, c) })
}

func (f failure) says(s string) bool { return strings.Contains(f.text, s) }

func (f failure) lacks(s string) bool { return !f.says(s) }

// maxFaultBody bounds the text that is parsed as JSON.
const maxFaultBody = 64 << 10

// bodyCodes collects code and type of the error in a JSON body, from the places
// where providers put them: error, response.error, body.error, the top level.
// A plain string under error, as OAuth servers send, is a code too. It reports
// false when text holds no JSON object.
func bodyCodes(text string) (codes []string, ok bool) {
	start := strings.IndexByte(text, '{')
	if start < 0 || len(text) > maxFaultBody {
		return nil, false
	}
	var top map[string]any
	if json.NewDecoder(strings.NewReader(text[start:])).Decode(&top) != nil {
		return nil, false
	}
	codes = codesIn(codes, top)
	codes = codesIn(codes, top["error"])
	for _, key := range []string{"response", "body"} {
		if nested, ok := top[key].(map[string]any); ok {
			codes = codesIn(codes, nested["error"])
		}
	}
	return codes, true
}

func codesIn(codes []string, v any) []string {
	switch v := v.(type) {
	case string:
		codes = append(codes, v)
	case map[string]any:
		for _, key := range []string{"code", "type"} {
			if s, ok := v[key].(string); ok {
				codes = append(codes, s)
			}
		}
	}
	return codes
}

// countsAs is CountsAs of the error; 0 for nil.
func (e *Error) countsAs() int {
	if e == nil {
		return 0
	}
	return CountsAs(e.HTTPStatus, e.Code)
}
