package driver

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/egress"
)

// maxTokenAnswer is the longest answer to a token request, in bytes.
const maxTokenAnswer = 1 << 20

// tokens is what an attempt remembers of its token requests.
type tokens struct {
	// spent: a request that uses something up may have been received.
	spent bool
	// unknown: it may have been, and nobody knows what came of it.
	unknown bool
	// gone: the server takes the refresh token no more.
	gone bool
	// fresh: new tokens are in the credential.
	fresh bool
	// derived are the fields that must not be stored, with what was there.
	derived map[string]any
}

// checkExchange returns the rule that a token request breaks, empty when there
// is none.
func (a *attempt) checkExchange(s *abi.Send) string {
	lasting := a.op == abi.OpRefresh || a.op == abi.OpLogin
	switch {
	case !a.e.network:
		return "send needs the capability network, which the manifest does not name"
	case !slices.Contains(a.e.provider.Deliver, "exchange"):
		return "deliver exchange is not among those that the manifest names"
	case s.Exchange == nil:
		return "deliver exchange needs an exchange"
	case s.OnError == abi.OnErrorClassify:
		return "the answer to an exchange comes back with resume, whatever its status"
	case s.Unwrap != "" || s.Inspect != 0 || s.Framing != abi.FramingUnspecified || s.MaxBytes != 0:
		return "unwrap, inspect, framing and max_bytes do not go with deliver exchange"
	case s.Transport != abi.TransportUnspecified && s.Transport != abi.TransportHTTP:
		return s.Transport.String() + " is not in this build of the host"
	case a.op == abi.OpCancel:
		return "cancel takes no exchange"
	case !lasting && !s.Exchange.Derived:
		return "an exchange whose result is kept belongs to refresh or login; elsewhere it is derived"
	case s.Exchange.Derived && len(s.Exchange.Consumes) > 0:
		return "a derived exchange consumes nothing: what is used up cannot be made again"
	case a.op == abi.OpRefresh && !s.Exchange.Derived && a.tokens.spent:
		return "a refresh makes one exchange; what the first consumed may be used up"
	}
	return a.checkExtracts(s.Exchange.Extract)
}

// exchangeTokens performs a token request. The guest learns what it may of the
// answer; what is taken out of it is in the credential, and in the store, before
// the guest is asked again. spec: contract section 6, faults.md section 3.
func (a *attempt) exchangeTokens(op abi.Op, s *abi.Send) error {
	if rule := a.checkExchange(s); rule != "" {
		return a.brokenAt(op, "%s", rule)
	}
	o, err := a.assemble(s.Request, &outgoing{header: http.Header{}, token: true})
	if err != nil {
		return err
	}
	for _, name := range s.Exchange.Consumes {
		if !slices.Contains(o.carries, name) {
			return a.brokenAt(op, "the exchange consumes %q, which the request does not carry", short(name))
		}
	}
	step, onError, derived := strings.Clone(s.Step), s.OnError, s.Exchange.Derived
	rules := cloneExtracts(s.Exchange.Extract)
	if !derived {
		a.tokens.spent, a.tokens.unknown = true, true
	}
	if err := a.exchange(o, a.idle(s.IdleMS)); err != nil {
		if door, ok := errors.AsType[*egress.Error](err); ok && (door.Reason == egress.Refused || door.Reason == egress.Unreachable) && !derived {
			a.tokens.spent, a.tokens.unknown = false, false // it never left
		}
		return a.noAnswer(onError, step, err)
	}
	resp := a.answer.resp
	body, more, err := a.answer.readAll(maxTokenAnswer)
	if err != nil {
		err = a.unanswered(a.answer, err)
		a.closeAnswer()
		return a.noAnswer(onError, step, err)
	}
	a.closeAnswer()
	result := &abi.ExchangeResult{Status: uint32(resp.StatusCode)}
	switch {
	case resp.StatusCode >= 500:
		// It may have taken the token before it failed.
		a.refusedTokens(result, parseTokens(resp.Header, body))
	case more:
		result.Error, result.ErrorDescription = "invalid_response", fmt.Sprintf("the answer is longer than %d bytes", maxTokenAnswer)
	default:
		if err := a.takeTokens(resp, result, rules, derived, body); err != nil {
			return err
		}
	}
	a.slowDown = result.Error == "slow_down"
	return a.resume(step, &abi.ResumeInput{Which: abi.ResumeInputIsExchange, Exchange: result})
}

// takeTokens handles an answer that the server finished.
func (a *attempt) takeTokens(resp *http.Response, result *abi.ExchangeResult, rules []abi.Extract, derived bool, body []byte) error {
	doc := parseTokens(resp.Header, body)
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		a.tokens.unknown = false
		a.refusedTokens(result, doc)
		return nil
	}
	found := a.extract(rules, doc)
	if len(found) == 0 {
		a.refusedTokens(result, doc)
		if result.Error == "" {
			result.Error, result.ErrorDescription = "invalid_response", "the answer holds none of the values that are to be taken"
		} else {
			a.tokens.unknown = false
		}
		return nil
	}
	if !derived {
		a.tokens.unknown = false
	}
	if derived {
		a.lend(found)
	}
	a.keep(found)
	for _, f := range found {
		if f.public {
			result.Fields = append(result.Fields, abi.Pair{Name: f.field, Value: f.text})
		}
	}
	if derived {
		a.e.minted.put(a.minting, a.auth.ID, found, a.e.opts.Now())
		return nil
	}
	a.tokens.fresh = true
	if a.op != abi.OpRefresh {
		return nil
	}
	// Durable before use: nothing is sent with tokens that a crash would lose.
	return auth.SaveRefreshed(a.ctx, a.durable())
}

// lend notes what derived values stand in the way of.
func (a *attempt) lend(found []extracted) {
	if a.tokens.derived == nil {
		a.tokens.derived = map[string]any{}
	}
	for _, f := range found {
		if _, noted := a.tokens.derived[f.field]; !noted {
			a.tokens.derived[f.field] = a.auth.Metadata[f.field]
		}
	}
}

// durable is a copy of the credential without what is kept in memory only.
func (a *attempt) durable() *auth.Auth {
	fresh := a.auth.Clone()
	for name, was := range a.tokens.derived {
		if was == nil {
			delete(fresh.Metadata, name)
		} else {
			fresh.Metadata[name] = was
		}
	}
	return fresh
}

// keep puts what was extracted into the attempt's own copy of the credential.
func (a *attempt) keep(found []extracted) {
	fresh := a.auth.Clone()
	if fresh.Metadata == nil {
		fresh.Metadata = map[string]any{}
	}
	if fresh.Attributes == nil {
		fresh.Attributes = map[string]string{}
	}
	old := a.scrubber()
	for _, f := range found {
		if f.public && !isExpiry(f.field) {
			fresh.Attributes[f.field] = f.text
		} else {
			fresh.Metadata[f.field] = f.text
		}
	}
	a.auth = fresh
	// What was secret before stays secret to the end of the attempt.
	a.scrub = newScrubber(a.e.manifest, fresh)
	a.scrub.join(old)
	a.info.Credential = a.e.visible(fresh)
	a.info.Credential.Revision = revisionOf(fresh)
}

// maxTokenError bounds what a guest learns of a token server's error, in bytes.
const maxTokenError = 256

// refusedTokens tells the guest what the server says is wrong, and no more.
func (a *attempt) refusedTokens(result *abi.ExchangeResult, doc any) {
	clean := func(v any) string {
		s, _ := v.(string)
		s = tidy(a.scrubber().text(s))
		if len(s) > maxTokenError {
			s = strings.ToValidUTF8(s[:maxTokenError], "")
		}
		return s
	}
	top, _ := doc.(map[string]any)
	result.Error, result.ErrorDescription = clean(top["error"]), clean(top["error_description"])
	if nested, ok := top["error"].(map[string]any); ok {
		for _, name := range []string{"code", "type", "status"} {
			if result.Error == "" {
				result.Error = clean(nested[name])
			}
		}
		result.ErrorDescription = clean(nested["message"])
	}
	if slices.Contains([]string{"invalid_grant", "refresh_token_reused"}, result.Error) {
		a.tokens.gone = true
	}
}
