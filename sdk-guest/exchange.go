package guest

import "github.com/patchbay-dev/patchbay/abi"

// Extract takes one value out of a token answer into a field of the
// credential. It is made by Take, TakeForm, TakeExpiry and TakeClaim.
type Extract = abi.Extract

// Take takes the text at a JSON pointer, such as /access_token.
func Take(pointer, field string) Extract {
	return Extract{Pointer: pointer, Field: field, Kind: abi.ExtractKindText}
}

// TakeForm takes the value of a key of a form-encoded answer.
func TakeForm(key, field string) Extract {
	return Extract{FormKey: key, Field: field, Kind: abi.ExtractKindText}
}

// TakeExpiry takes a number of seconds from now at a JSON pointer, such as
// /expires_in, as the time when they are over.
func TakeExpiry(pointer, field string) Extract {
	return Extract{Pointer: pointer, Field: field, Kind: abi.ExtractKindExpiresIn}
}

// TakeClaim takes a claim of the JWT at a JSON pointer, such as email of
// /id_token. The host does not verify the JWT: it came over TLS from the
// issuer.
func TakeClaim(pointer, claim, field string) Extract {
	return Extract{Pointer: pointer, Field: field, Kind: abi.ExtractKindJWTClaim, Claim: claim}
}

// Consumes names the secrets that an exchange uses up, such as refresh_token:
// the host never sends them a second time when they may have been received.
func (s *Send) Consumes(fields ...string) *Send {
	s.exchange().Consumes = append(s.exchange().Consumes, fields...)
	return s
}

// Derived says that the result can be fetched again at any time, as from a
// service account's key: the host keeps it in memory only.
func (s *Send) Derived() *Send {
	s.exchange().Derived = true
	return s
}

// Exchange sends a token request. The host takes the values out of the answer,
// and gives a step of Provider.Steps Request.Exchange instead of it.
func (s *Send) Exchange(step string, values ...Extract) Answer {
	s.exchange().Extract = values
	return s.Step(step).deliver(abi.DeliverExchange)
}

func (s *Send) exchange() *abi.Exchange {
	if s.send.Exchange == nil {
		s.send.Exchange = &abi.Exchange{}
	}
	return s.send.Exchange
}
