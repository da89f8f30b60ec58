package auth

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// ProviderMixed stands for several providers where a provider is expected.
const ProviderMixed = "mixed"

// CooldownError says that every credential for a model is cooling down, and
// until when. spec: core.md 4.6.
type CooldownError struct {
	model    string
	provider string
	reset    time.Duration
}

// NewCooldownError makes the error for a wait from now to until. An empty
// model stands for whatever was requested; provider is left out when it is
// empty or ProviderMixed.
func NewCooldownError(model, provider string, until, now time.Time) *CooldownError {
	if provider == ProviderMixed {
		provider = ""
	}
	return &CooldownError{model: model, provider: provider, reset: max(until.Sub(now), 0)}
}

// Error returns the JSON body that a client gets.
func (e *CooldownError) Error() string {
	type detail struct {
		Code         string `json:"code"`
		Message      string `json:"message"`
		Model        string `json:"model"`
		ResetTime    string `json:"reset_time"`
		ResetSeconds int64  `json:"reset_seconds"`
		Provider     string `json:"provider,omitempty"`
	}
	raw, err := json.Marshal(map[string]detail{"error": {
		Code: CodeModelCooldown, Message: e.Message(), Model: e.model,
		ResetTime: e.resetTime(), ResetSeconds: e.seconds(), Provider: e.provider,
	}})
	if err != nil { // strings and a number always marshal
		panic(err)
	}
	return string(raw)
}

// Message is the sentence in the body.
func (e *CooldownError) Message() string {
	model := e.model
	if model == "" {
		model = "requested model"
	}
	s := "All credentials for model " + model + " are cooling down"
	if e.provider != "" {
		s += " via provider " + e.provider
	}
	return s
}

// StatusCode is 429.
func (e *CooldownError) StatusCode() int { return http.StatusTooManyRequests }

// RetryAfter returns how long to wait, 0 or more.
func (e *CooldownError) RetryAfter() *time.Duration {
	d := e.reset
	return &d
}

// Headers for the answer: Content-Type, and Retry-After in whole seconds,
// rounded up.
func (e *CooldownError) Headers() http.Header {
	return http.Header{
		"Content-Type": {"application/json"},
		"Retry-After":  {strconv.FormatInt(e.seconds(), 10)},
	}
}

func (e *CooldownError) seconds() int64 {
	return int64((e.reset + time.Second - 1) / time.Second)
}

// resetTime is for people; a wait is never shown as none.
func (e *CooldownError) resetTime() string {
	if e.reset > 0 && e.reset < time.Second {
		return time.Second.String()
	}
	return e.reset.Round(time.Second).String()
}
