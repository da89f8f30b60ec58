package plugins

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
)

// Grant is what a plugin may do: the lines that the operator was shown and
// accepted, each one thing. A later version may ask for less, not for more.
type Grant struct {
	// Providers are the provider keys that it serves.
	Providers []string `json:"providers,omitempty"`
	// Capabilities by name.
	Capabilities []string `json:"capabilities,omitempty"`
	// Destinations that it may send to: method and place.
	Destinations []string `json:"destinations,omitempty"`
	// Slots where secrets may stand: secret, method, place, position.
	Slots []string `json:"slots,omitempty"`
	// Signers are what the host signs for it, and with what.
	Signers []string `json:"signers,omitempty"`
	// Hooks are where it is called about what is not its own: the requests of
	// other providers, new credentials, results. See Explicit.
	Hooks []string `json:"hooks,omitempty"`
	// Reads is what it may see: credential fields that are not secret, client
	// headers, request bodies, answers.
	Reads []string `json:"reads,omitempty"`
}

// GrantFor returns all that a manifest asks for, sorted.
func GrantFor(m *abi.Manifest) Grant {
	var g Grant
	places := map[string]string{}
	for _, d := range m.Destinations {
		places[d.Name] = place(d)
		for _, method := range d.Methods {
			g.Destinations = append(g.Destinations, method+" "+place(d))
		}
	}
	for _, c := range m.Capabilities {
		if len(c.Fields) == 0 {
			g.Capabilities = append(g.Capabilities, c.Name)
		}
		for _, name := range c.Fields {
			g.Capabilities = append(g.Capabilities, c.Name+" "+name)
		}
	}
	for _, s := range m.Signers {
		g.Signers = append(g.Signers, signerLine(s))
	}
	for _, s := range m.Slots {
		for _, method := range s.Methods {
			g.Slots = append(g.Slots, slotLine(s, method, places[s.Destination]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Credential.Fields)) {
		if kind := m.Credential.Fields[name].Kind; kind == abi.FieldPublic || kind == abi.FieldDestination {
			g.Reads = append(g.Reads, fmt.Sprintf("credential field %s (%s)", name, kind))
		}
	}
	for _, p := range m.Provides.Providers {
		g.Providers = append(g.Providers, p.Key)
		for _, h := range p.ClientHeaders {
			g.Reads = append(g.Reads, "client header "+strings.ToLower(h))
		}
		if p.Body == "bytes" {
			g.Reads = append(g.Reads, "request bodies of "+p.Key)
		}
		if slices.Contains(p.Deliver, "events") || slices.Contains(p.Deliver, "whole") {
			g.Reads = append(g.Reads, "answers of "+p.Key)
		}
	}
	g.addHooks(m)
	for _, lines := range []*[]string{&g.Providers, &g.Capabilities, &g.Destinations, &g.Slots, &g.Signers, &g.Hooks, &g.Reads} {
		slices.Sort(*lines)
		*lines = slices.Compact(*lines)
	}
	return g
}

// addHooks adds the hooks of a manifest, and what they see.
func (g *Grant) addHooks(m *abi.Manifest) {
	for _, p := range m.Provides.Preparers {
		for _, key := range p.Providers {
			g.Hooks = append(g.Hooks, hookIntercept+key)
		}
	}
	for _, p := range m.Provides.PostAuth {
		g.Hooks = append(g.Hooks, hookPostAuth+p.Name)
		for _, h := range p.Headers {
			g.Reads = append(g.Reads, "header "+strings.ToLower(h)+" of who adds a credential")
		}
		for _, q := range p.Query {
			g.Reads = append(g.Reads, "query "+q+" of who adds a credential")
		}
	}
	for _, o := range m.Provides.Observers {
		g.Hooks = append(g.Hooks, hookObserve+o.Name)
		for _, event := range o.Events {
			g.Reads = append(g.Reads, "every "+event+" of every credential")
		}
	}
}

// What the lines of Grant.Hooks begin with.
const (
	hookIntercept = "intercept:"
	hookPostAuth  = "post_auth:"
	hookObserve   = "observe:"
)

// Lines lists all of a grant, as Missing does.
func (g Grant) Lines() []string { return Grant{}.Missing(g) }

// Missing lists what wanted has and g does not.
func (g Grant) Missing(wanted Grant) []string {
	var lines []string
	for _, part := range []struct {
		what         string
		have, wanted []string
	}{
		{"serve provider ", g.Providers, wanted.Providers},
		{"capability ", g.Capabilities, wanted.Capabilities},
		{"send ", g.Destinations, wanted.Destinations},
		{"put a secret: ", g.Slots, wanted.Slots},
		{"sign: ", g.Signers, wanted.Signers},
		{"hook ", g.Hooks, wanted.Hooks},
		{"read ", g.Reads, wanted.Reads},
	} {
		for _, line := range part.wanted {
			if !slices.Contains(part.have, line) {
				lines = append(lines, part.what+line)
			}
		}
	}
	return lines
}

// place spells a destination so that two are equal if and only if they are the
// same place.
func place(d abi.Destination) string {
	if d.Field != "" {
		return "to the credential's " + d.Field
	}
	if d.Provider != "" {
		return "with the requests of provider " + d.Provider
	}
	s := d.Scheme + "://" + d.Host
	if d.Port != 0 {
		s += ":" + strconv.Itoa(d.Port)
	}
	if d.PathPrefix == "" {
		return s + "/"
	}
	return s + d.PathPrefix
}

func slotLine(s abi.Slot, method, place string) string {
	line := fmt.Sprintf("%s in %s of %s %s", s.Secret, s.Position, method, place)
	if s.Prefix != "" {
		line += fmt.Sprintf(", after %q", s.Prefix)
	}
	if s.Encoding != "" && s.Encoding != "none" {
		line += ", as " + s.Encoding
	}
	return line
}

// signerLine spells a signer with every parameter: none of them may change
// without a new grant.
func signerLine(s abi.Signer) string {
	line := s.Name + ": " + s.Kind
	for _, name := range slices.Sorted(maps.Keys(s.Params)) {
		line += fmt.Sprintf(", %s %q", name, s.Params[name])
	}
	return line
}
