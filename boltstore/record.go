package boltstore

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// authSchema is the version of authRecord.
const authSchema = 1

// authRecord is a credential as it is sealed. It is written out here, and not
// auth.Auth with its tags, so that the form on disk changes only on purpose.
// What the store itself knows of a credential stands beside Auth, not in it.
type authRecord struct {
	Schema int      `json:"schema"`
	Auth   authBody `json:"auth"`
}

type authBody struct {
	ID            string            `json:"id"`
	Provider      string            `json:"provider"`
	Prefix        string            `json:"prefix,omitempty"`
	Label         string            `json:"label,omitempty"`
	Status        string            `json:"status,omitempty"`
	StatusMessage string            `json:"status_message,omitempty"`
	Disabled      bool              `json:"disabled,omitempty"`
	Unavailable   bool              `json:"unavailable,omitempty"`
	ProxyURL      string            `json:"proxy_url,omitempty"`
	Attributes    map[string]string `json:"attributes"` // nil and empty differ
	Metadata      map[string]any    `json:"metadata"`   // nil and empty differ
	Quota         quotaBody         `json:"quota,omitzero"`
	LastError     *errorBody        `json:"last_error,omitempty"`

	CreatedAt        time.Time `json:"created_at,omitzero"`
	UpdatedAt        time.Time `json:"updated_at,omitzero"`
	LastRefreshedAt  time.Time `json:"last_refreshed_at,omitzero"`
	NextRefreshAfter time.Time `json:"next_refresh_after,omitzero"`
	NextRetryAfter   time.Time `json:"next_retry_after,omitzero"`

	ModelStates map[string]*modelBody `json:"model_states"` // nil and empty differ
}

type modelBody struct {
	Status         string     `json:"status,omitempty"`
	StatusMessage  string     `json:"status_message,omitempty"`
	Unavailable    bool       `json:"unavailable,omitempty"`
	NextRetryAfter time.Time  `json:"next_retry_after,omitzero"`
	LastError      *errorBody `json:"last_error,omitempty"`
	Quota          quotaBody  `json:"quota,omitzero"`
	UpdatedAt      time.Time  `json:"updated_at,omitzero"`
	Source         string     `json:"source,omitempty"`
	ProbeWait      int64      `json:"probe_wait,omitempty"` // nanoseconds
}

type quotaBody struct {
	Exceeded      bool      `json:"exceeded,omitempty"`
	Reason        string    `json:"reason,omitempty"`
	NextRecoverAt time.Time `json:"next_recover_at,omitzero"`
	BackoffLevel  int       `json:"backoff_level,omitempty"`
}

type errorBody struct {
	Code       string `json:"code,omitempty"`
	Message    string `json:"message"`
	Retryable  bool   `json:"retryable,omitempty"`
	HTTPStatus int    `json:"http_status,omitempty"`
}

// encodeAuth makes the plaintext of a credential. Its errors name fields, never
// values.
func encodeAuth(a *auth.Auth) ([]byte, error) {
	if err := checkID(a.ID); err != nil {
		return nil, err
	}
	body := authBody{
		ID: a.ID, Provider: a.Provider, Prefix: a.Prefix, Label: a.Label,
		Status: string(a.Status), StatusMessage: a.StatusMessage,
		Disabled: a.Disabled, Unavailable: a.Unavailable, ProxyURL: a.ProxyURL,
		Attributes: a.Attributes,
		Quota:      quotaBody(a.Quota), LastError: (*errorBody)(a.LastError),
		CreatedAt: a.CreatedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(),
		LastRefreshedAt: a.LastRefreshedAt.UTC(), NextRefreshAfter: a.NextRefreshAfter.UTC(),
		NextRetryAfter: a.NextRetryAfter.UTC(),
	}
	for name, text := range map[string]string{
		"id": a.ID, "provider": a.Provider, "prefix": a.Prefix, "label": a.Label, "proxy_url": a.ProxyURL,
	} {
		if err := checkText(name, text); err != nil {
			return nil, err
		}
	}
	for name, text := range a.Attributes {
		if err := checkText("attribute "+quote(name), name, text); err != nil {
			return nil, err
		}
	}
	metadata, err := encodeMetadata(a.Metadata)
	if err != nil {
		return nil, err
	}
	body.Metadata = metadata
	if a.ModelStates != nil {
		body.ModelStates = make(map[string]*modelBody, len(a.ModelStates))
	}
	for name, state := range a.ModelStates {
		if state == nil {
			continue
		}
		body.ModelStates[name] = &modelBody{
			Status: string(state.Status), StatusMessage: state.StatusMessage,
			Unavailable: state.Unavailable, NextRetryAfter: state.NextRetryAfter.UTC(),
			LastError: (*errorBody)(state.LastError), Quota: quotaBody(state.Quota),
			UpdatedAt: state.UpdatedAt.UTC(), Source: string(state.Source), ProbeWait: int64(state.ProbeWait),
		}
	}
	return json.Marshal(authRecord{Schema: authSchema, Auth: body})
}

// decodeAuth reads what encodeAuth made.
func decodeAuth(id string, plain []byte) (*auth.Auth, error) {
	var r authRecord
	dec := json.NewDecoder(bytes.NewReader(plain))
	dec.UseNumber()
	if dec.Decode(&r) != nil || r.Schema != authSchema || r.Auth.ID != id {
		return nil, errUnreadable // the cause may quote a value
	}
	b := r.Auth
	a := &auth.Auth{
		ID: b.ID, Provider: b.Provider, Prefix: b.Prefix, Label: b.Label,
		Status: auth.Status(b.Status), StatusMessage: b.StatusMessage,
		Disabled: b.Disabled, Unavailable: b.Unavailable, ProxyURL: b.ProxyURL,
		Attributes: b.Attributes, Metadata: decodeMetadata(b.Metadata),
		Quota: auth.QuotaState(b.Quota), LastError: (*auth.Error)(b.LastError),
		CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt,
		LastRefreshedAt: b.LastRefreshedAt, NextRefreshAfter: b.NextRefreshAfter,
		NextRetryAfter: b.NextRetryAfter,
	}
	if b.ModelStates != nil {
		a.ModelStates = make(map[string]*auth.ModelState, len(b.ModelStates))
	}
	for name, m := range b.ModelStates {
		if m == nil {
			continue
		}
		a.ModelStates[name] = &auth.ModelState{
			Status: auth.Status(m.Status), StatusMessage: m.StatusMessage,
			Unavailable: m.Unavailable, NextRetryAfter: m.NextRetryAfter,
			LastError: (*auth.Error)(m.LastError), Quota: auth.QuotaState(m.Quota),
			UpdatedAt: m.UpdatedAt, Source: auth.Source(m.Source), ProbeWait: time.Duration(m.ProbeWait),
		}
	}
	return a, nil
}
