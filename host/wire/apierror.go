package wire

import (
	"encoding/json"
	"net/http"
)

// APIError is an error as a client of a format is told it. The zero value of
// each field is left out or derived.
type APIError struct {
	// Status is the HTTP status; it chooses Type when that is empty.
	Status int
	// Type is the format's own class of error, such as invalid_request_error.
	Type    string
	Code    string
	Message string
	// Param is the member of the request that is at fault.
	Param string
	// RequestID lets the operator find the log line.
	RequestID string
}

type errorObject struct {
	Message   string  `json:"message"`
	Type      string  `json:"type"`
	Param     *string `json:"param"`
	Code      *string `json:"code"`
	RequestID string  `json:"request_id,omitempty"`
}

// ErrorBody returns e as a whole answer in the format, one JSON text.
func ErrorBody(_ Format, e APIError) []byte {
	o := errorObject{Message: e.Message, Type: e.Type, Param: optional(e.Param), Code: optional(e.Code), RequestID: e.RequestID}
	if o.Type == "" {
		o.Type = errorType(e.Status)
	}
	if o.Message == "" {
		o.Message = http.StatusText(e.Status)
	}
	body, err := json.Marshal(map[string]errorObject{"error": o})
	if err != nil { // strings always marshal
		panic(err)
	}
	return body
}

// ErrorEvent returns e as the last event of a stream in the format, framed.
func ErrorEvent(f Format, e APIError) []byte {
	return AppendEvent(nil, f, ErrorBody(f, e))
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// errorType is OpenAI's class of an error for a status.
func errorType(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "authentication_error"
	case status == http.StatusForbidden:
		return "permission_error"
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status >= 400 && status < 500:
		return "invalid_request_error"
	}
	return "server_error"
}
