package settings

// OAuthModelAlias gives a model another name for clients. It is used by channel
// for OAuth accounts, and by credential for API keys. core.md 7.2, 7.4.
type OAuthModelAlias struct {
	// Name is what the provider calls the model.
	Name string `json:"name" koanf:"name"`
	// Alias is what clients call it; case makes no difference.
	Alias string `json:"alias" koanf:"alias"`
	// Fork lists the model under both names; else the alias takes the place of
	// the name.
	Fork bool `json:"fork,omitempty" koanf:"fork"`
}

// APIKeyConfigEntry is a configured credential that is an API key. A record is
// matched to its entry by what these return.
type APIKeyConfigEntry interface {
	// GetAPIKey returns the key, which is a secret; empty when there is none.
	GetAPIKey() string
	// GetBaseURL returns where the key is sent; empty for the provider's own
	// address.
	GetBaseURL() string
}

// Fields of a credential that name its API key and its address.
const (
	FieldAPIKey  = "api_key"
	FieldBaseURL = "base_url"
)

// GetAPIKey implements APIKeyConfigEntry.
func (c Credential) GetAPIKey() string {
	if key := c.Secrets[FieldAPIKey]; key != "" {
		return key
	}
	return c.Set[FieldAPIKey]
}

// GetBaseURL implements APIKeyConfigEntry.
func (c Credential) GetBaseURL() string { return c.Set[FieldBaseURL] }
