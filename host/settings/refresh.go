package settings

import "time"

// Refresh says how tokens are renewed. core-decisions.md section 2, rows 13, 25
// and 26.
type Refresh struct {
	// Workers is how many credentials are refreshed at a time; 0 means 16.
	Workers int `json:"workers" koanf:"workers"`
	// Timeout bounds one refresh; 0 means a minute.
	Timeout time.Duration `json:"timeout" koanf:"timeout"`
	// ErrorBackoff is how long a credential is left alone after a refresh that
	// failed; 0 means 5 minutes.
	ErrorBackoff time.Duration `json:"error_backoff" koanf:"error_backoff"`
	// MaxJitter bounds how much earlier than needed a refresh may be, at random; 0
	// means 5 minutes. It is never more than a tenth of the lead.
	MaxJitter time.Duration `json:"max_jitter" koanf:"max_jitter"`
	// SkipDisabled leaves credentials alone that are switched off. Their tokens
	// may die meanwhile.
	SkipDisabled bool `json:"skip_disabled" koanf:"skip_disabled"`
	// SkipUnauthorized lets a 401 stand. Else the credential is refreshed and the
	// call made once more.
	SkipUnauthorized bool `json:"skip_unauthorized" koanf:"skip_unauthorized"`
	// Leads is how long before its expiry a token is refreshed, by provider; 0
	// means never. What a plugin says itself counts more.
	Leads map[string]time.Duration `json:"leads,omitempty" koanf:"leads"`
}

// DefaultRefresh returns what ships.
func DefaultRefresh() Refresh {
	return Refresh{Workers: 16, Timeout: time.Minute, ErrorBackoff: 5 * time.Minute, MaxJitter: 5 * time.Minute}
}

// Filled returns r with what ships in place of what is 0 or less.
func (r Refresh) Filled() Refresh {
	d := DefaultRefresh()
	if r.Workers <= 0 {
		r.Workers = d.Workers
	}
	if r.Timeout <= 0 {
		r.Timeout = d.Timeout
	}
	if r.MaxJitter <= 0 {
		r.MaxJitter = d.MaxJitter
	}
	if r.ErrorBackoff <= 0 {
		r.ErrorBackoff = d.ErrorBackoff
	}
	return r
}
