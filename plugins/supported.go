package plugins

import (
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
)

// Features returns the features that this build of the host has, beyond the
// base of the contract.
func Features() []string {
	return []string{
		abi.FeatureEdits, abi.FeatureUnwrap, abi.FeatureInspect, abi.FeatureHold, abi.FeatureBuffers,
		abi.FeatureCancel, abi.FeatureSessions, abi.FeatureLogin, abi.FeaturePreparer,
		abi.FeatureSigners, abi.FeatureForms, abi.FeatureEncodings, abi.FeatureExchange, abi.FeatureRefresh, abi.FeatureReadSecret,
		abi.FeatureIntercept, abi.FeaturePostAuth, abi.FeatureObserve,
	}
}

// formats are those that this host can translate or pass.
var formats = []string{"openai-chat"}

// missing lists, by name, what a manifest asks for and a host with these
// features does not have. Fields that restrict are always behind a feature, so
// a plugin that would run with less than it counts on is never loaded.
func missing(m *abi.Manifest, features []string) []string {
	var lacks []string
	lack := func(what string) {
		if !slices.Contains(lacks, what) {
			lacks = append(lacks, what)
		}
	}
	need := func(used bool, feature, what string) {
		if used && !slices.Contains(features, feature) {
			lack(what)
		}
	}
	for _, f := range m.Requires {
		need(true, f, "feature "+printable(f))
	}
	need(len(m.Provides.Preparers) > 0, abi.FeatureIntercept, "provides.preparers")
	need(len(m.Provides.PostAuth) > 0, abi.FeaturePostAuth, "provides.post_auth")
	need(len(m.Provides.Observers) > 0, abi.FeatureObserve, "provides.observers")
	need(len(m.Signers) > 0, abi.FeatureSigners, "signers")
	for _, s := range m.Signers {
		need(s.Kind == abi.SignerSigV4, abi.SignerSigV4, "signer "+s.Name+" of kind "+s.Kind)
	}
	for _, c := range m.Capabilities {
		need(c.Name == abi.CapabilityReadSecrets, abi.FeatureReadSecret, "capability "+c.Name)
	}
	for _, s := range m.Slots {
		kind, _, _ := strings.Cut(s.Position, ":")
		need(kind == "form" || kind == "json", abi.FeatureForms, "slots in a "+kind+" body")
		need(s.Encoding != "" && s.Encoding != "none", abi.FeatureEncodings, "slot encoding "+s.Encoding)
	}
	for _, p := range m.Provides.Providers {
		at := "provider " + p.Key + ": "
		need(p.Refresh, abi.FeatureRefresh, at+"refresh")
		need(p.Login, abi.FeatureLogin, at+"login")
		need(p.Cancel, abi.FeatureCancel, at+"cancel")
		need(p.Sessions, abi.FeatureSessions, at+"sessions")
		need(slices.Contains(p.Deliver, "exchange"), abi.FeatureExchange, at+"deliver exchange")
		need(slices.Contains(p.Transports, "ws"), abi.FeatureWebSocket, at+"transport ws")
		if !slices.ContainsFunc(p.Formats, func(f string) bool { return slices.Contains(formats, f) }) {
			lack(at + "formats " + printable(strings.Join(p.Formats, ",")))
		}
	}
	return lacks
}
