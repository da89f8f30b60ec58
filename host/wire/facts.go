package wire

import (
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/tidwall/gjson"
)

// ErrorFacts are what a provider's error body says, in whichever of the known
// shapes it comes. Empty members were not there.
type ErrorFacts struct {
	Message string
	Type    string
	Code    string
	// Retry is when to try again, from now; 0 when the body does not say.
	Retry time.Duration
}

// ErrorFactsOf reads a provider's error body: OpenAI's and Anthropic's
// {"error":{...}}, Google's with details and sometimes in an array, a flat
// {"message"}, and {"error":"text"}. spec: providers.md.
func ErrorFactsOf(body []byte, now time.Time) ErrorFacts {
	if !gjson.ValidBytes(body) {
		return ErrorFacts{}
	}
	root := gjson.ParseBytes(body)
	if root.IsArray() {
		root = root.Get("0")
	}
	e := root.Get("error")
	if !e.IsObject() {
		f := ErrorFacts{Message: e.String(), Type: root.Get("type").String(), Code: root.Get("code").String()}
		if f.Message == "" {
			f.Message = first(root, "message", "detail", "error_description")
		}
		f.Retry = retryText(f.Message)
		return f
	}
	f := ErrorFacts{
		Message: first(e, "message", "detail"),
		Type:    first(e, "type", "status"),
		Code:    e.Get("code").String(),
	}
	f.Retry = bodyRetry(e, f.Message, now)
	return f
}

func first(v gjson.Result, paths ...string) string {
	for _, p := range paths {
		if r := v.Get(p); r.Type == gjson.String && r.Str != "" {
			return r.Str
		}
	}
	return ""
}

// bodyRetry reads the hint of an error object: google.rpc.RetryInfo, the
// resets_in_seconds and resets_at of subscriptions, or the text.
func bodyRetry(e gjson.Result, message string, now time.Time) time.Duration {
	var found time.Duration
	e.Get("details").ForEach(func(_, d gjson.Result) bool {
		if v, err := time.ParseDuration(d.Get("retryDelay").String()); err == nil && v > 0 {
			found = v
		}
		return found == 0
	})
	if found > 0 {
		return found
	}
	if s := e.Get("resets_in_seconds").Float(); s > 0 {
		return seconds(s)
	}
	if at := e.Get("resets_at").Int(); at > now.Unix() {
		return seconds(float64(at - now.Unix()))
	}
	return retryText(message)
}

var retryIn = regexp.MustCompile(`(?i)\b(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?(?:ms|h|m|s))+|\d+(?:\.\d+)?(?: ?seconds?\b)?)`)

// retryText finds "try again in 5.2s" and its like.
func retryText(message string) time.Duration {
	m := retryIn.FindStringSubmatch(message)
	if m == nil {
		return 0
	}
	if d, err := time.ParseDuration(m[1]); err == nil {
		return max(d, 0)
	}
	digits := m[1]
	for i, c := range digits {
		if c != '.' && (c < '0' || c > '9') {
			digits = digits[:i]
			break
		}
	}
	s, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0
	}
	return seconds(s)
}

// seconds makes a duration of s, the longest one for more than fits.
func seconds(s float64) time.Duration {
	if s*float64(time.Second) >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(s * float64(time.Second))
}
