package app

import (
	"maps"
	"slices"
	"strconv"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// maxOwnRetry is the most rounds that a credential may allow, as the
// configuration has it for all.
const maxOwnRetry = 1000

// parseOwn reads a credential's own words on what is otherwise set for all. A
// word that is taken back is nil.
func parseOwn(own map[string]string) (map[string]any, error) {
	words := make(map[string]any, len(own))
	for _, name := range slices.Sorted(maps.Keys(own)) {
		value := own[name]
		switch name {
		case auth.MetaDisableCooling, auth.MetaRefreshDisabled:
			switch value {
			case "true", "false":
				words[name] = value == "true"
			case "":
				words[name] = nil
			default:
				return nil, invalid("%s is true or false, or empty for what is set for all, and not %q", name, value)
			}
		case auth.MetaRequestRetry:
			n, err := strconv.Atoi(value)
			switch {
			case value == "":
				words[name] = nil
			case err != nil || n < 0 || n > maxOwnRetry:
				return nil, invalid("%s is a number from 0 to %d, or empty for what is set for all, and not %q", name, maxOwnRetry, value)
			default:
				words[name] = float64(n) // as it comes back from the store
			}
		default:
			return nil, invalid("a credential has no word of its own on %q", name)
		}
	}
	return words, nil
}

// setOwn writes the words of parseOwn into a record.
func setOwn(c *auth.Auth, words map[string]any) {
	for name, v := range words {
		if v == nil {
			delete(c.Metadata, name)
		} else {
			c.Metadata[name] = v
		}
	}
}

// declaredOwn writes the words of the configuration file.
func declaredOwn(c *auth.Auth, from settings.Credential) {
	if from.DisableCooling != nil {
		c.Metadata[auth.MetaDisableCooling] = *from.DisableCooling
	}
	if from.RequestRetry != nil {
		c.Metadata[auth.MetaRequestRetry] = float64(*from.RequestRetry)
	}
	if from.RefreshDisabled != nil {
		c.Metadata[auth.MetaRefreshDisabled] = *from.RefreshDisabled
	}
}

// ownOf are a credential's words as they can be shown.
func ownOf(c *auth.Auth) map[string]string {
	own := map[string]string{}
	if v, ok := c.DisableCoolingOverride(); ok {
		own[auth.MetaDisableCooling] = strconv.FormatBool(v)
	}
	if n, ok := c.RequestRetryOverride(); ok {
		own[auth.MetaRequestRetry] = strconv.Itoa(n)
	}
	if v, ok := c.RefreshDisabledOverride(); ok {
		own[auth.MetaRefreshDisabled] = strconv.FormatBool(v)
	}
	return own
}
