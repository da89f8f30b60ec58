package driver

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
)

var _ auth.LoginProvider = (*Executor)(nil)

var loginPhases = map[auth.LoginPhase]abi.LoginPhase{
	auth.LoginStart: abi.LoginPhaseStart, auth.LoginPoll: abi.LoginPhasePoll,
	auth.LoginCallback: abi.LoginPhaseCallback, auth.LoginCancel: abi.LoginPhaseCancel,
}

// Login performs one step of a login: it asks the guest, and goes on until the
// guest prompts, patches or fails. What exchanges bring goes into a copy of the
// draft, whose values the guest does not see. A provider without a login is
// not_supported; one that was replaced executor.ErrRetired.
func (e *Executor) Login(ctx context.Context, draft *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error) {
	if !e.provider.Login {
		return auth.LoginOutput{}, e.notSupported("login")
	}
	at, err := e.newAttempt(ctx, draft.Clone(), abi.OpLogin, abi.KindUnspecified)
	if err != nil {
		return auth.LoginOutput{}, err
	}
	defer at.release()
	at.info.Credential.Revision = revisionOf(at.auth)
	at.state = slices.Clone(in.State)
	input := &abi.LoginInput{
		Provider: e.provider.Key, Phase: loginPhases[in.Phase], SessionID: in.Session,
		Step: in.Step, State: at.state, RedirectURI: in.RedirectURI, Credential: at.info.Credential,
	}
	for _, name := range slices.Sorted(maps.Keys(in.Fields)) {
		input.Fields = append(input.Fields, abi.Pair{Name: toText(name), Value: at.scrubber().text(toText(in.Fields[name]))})
	}
	err = at.ask(abi.OpLogin, input)
	for err == nil {
		switch act, op := at.todo, at.todoOp; act.Which {
		case abi.ActionIsPrompt:
			prompt, rule := at.prompt(in.Phase, act.Prompt)
			if rule != "" {
				return auth.LoginOutput{}, at.brokenAt(op, "prompt: %s", rule)
			}
			return auth.LoginOutput{Draft: at.durable(), Prompt: prompt, State: slices.Clone(at.state), SlowDown: at.slowDown}, nil
		case abi.ActionIsPatch:
			fresh, err := at.revised(op, act.Patch)
			if err != nil {
				return auth.LoginOutput{}, err
			}
			if in.Phase == auth.LoginCancel {
				return auth.LoginOutput{}, nil
			}
			return auth.LoginOutput{Draft: fresh}, at.usable(fresh)
		case abi.ActionIsSend:
			if d := act.Send.Deliver; d != abi.DeliverWhole && d != abi.DeliverExchange {
				return auth.LoginOutput{}, at.brokenAt(op, "a login takes whole answers and exchanges only")
			}
			err = at.perform()
		default:
			err = at.perform()
		}
	}
	return auth.LoginOutput{}, err
}

// usable holds the credential that a login ends with against its schema.
func (a *attempt) usable(fresh *auth.Auth) error {
	done := fresh.Clone()
	for _, name := range auth.LoginFields {
		delete(done.Metadata, name)
	}
	if err := ValidateCredential(a.e.manifest, a.e.provider, done); err != nil {
		return a.brokenAt(abi.OpLogin, "the credential that the login ends with is not whole: %s", a.scrubber().text(strings.ReplaceAll(err.Error(), "\n", "; ")))
	}
	return nil
}

// Bounds of a prompt.
const (
	maxPromptURL    = 4 << 10
	maxPromptCode   = 64
	maxPromptFields = 16
	maxPromptName   = 64
)

var promptKinds = map[abi.PromptKind]auth.LoginPromptKind{
	abi.PromptKindDevice: auth.LoginDevice, abi.PromptKindBrowser: auth.LoginBrowser,
	abi.PromptKindPaste: auth.LoginPaste, abi.PromptKindForm: auth.LoginForm,
}

// prompt checks what a guest wants to ask a person, who will believe it. It
// returns the rule that it breaks, empty when there is none.
func (a *attempt) prompt(phase auth.LoginPhase, p *abi.Prompt) (*auth.LoginPrompt, string) {
	if phase == auth.LoginCancel {
		return nil, "nobody is there any more to be asked"
	}
	clean := func(s string) string { return tidy(a.scrubber().text(strings.Clone(s))) }
	out := &auth.LoginPrompt{
		Kind: promptKinds[p.Kind], Message: clean(p.Message), URL: strings.Clone(p.URL), UserCode: clean(p.UserCode),
		Expires: milliseconds(p.ExpiresMS), Interval: milliseconds(p.IntervalMS), Step: strings.Clone(p.Step),
	}
	if len(p.UserCode) > maxPromptCode {
		return nil, "the user_code is too long"
	}
	waiting := p.Kind == abi.PromptKindDevice && phase == auth.LoginPoll && p.URL == ""
	fields := p.Kind == abi.PromptKindForm || p.Kind == abi.PromptKindPaste && p.URL == ""
	switch {
	case waiting: // the same as before
	case p.Kind == abi.PromptKindForm && p.URL != "":
		return nil, "a form has no url"
	case !fields:
		if rule := a.page(p); rule != "" {
			return nil, rule
		}
	}
	switch {
	case fields && len(p.Fields) == 0, !fields && len(p.Fields) > 0:
		return nil, "fields go with a form, and with a paste that has no url"
	case len(p.Fields) > maxPromptFields:
		return nil, "it has too many fields"
	case p.Kind == abi.PromptKindPaste && len(p.Fields) > 1:
		return nil, "one text is pasted, not several"
	}
	for _, f := range p.Fields {
		field, rule := a.promptField(f, clean)
		if rule != "" {
			return nil, rule
		}
		if slices.ContainsFunc(out.Fields, func(o auth.LoginField) bool { return o.Name == field.Name }) {
			return nil, "a field is there twice"
		}
		out.Fields = append(out.Fields, field)
	}
	return out, ""
}

// promptField checks one field. What is typed into it goes where the schema
// says: a secret never to the guest, and no answer into a destination, which
// only the operator sets.
func (a *attempt) promptField(f abi.PromptField, clean func(string) string) (auth.LoginField, string) {
	out := auth.LoginField{Name: strings.Clone(f.Name), Label: clean(f.Label), Secret: f.Secret, Required: f.Required}
	if f.Name == "" || len(f.Name) > maxPromptName || strings.ContainsFunc(f.Name, isControl) {
		return out, "a field has no name, or one that is too long"
	}
	schema, known := a.e.manifest.Credential.Fields[f.Name]
	secret := known && (schema.Kind == "" || schema.Kind == abi.FieldSecret)
	switch {
	case slices.Contains(auth.LoginFields, f.Name):
		return out, "the field " + short(f.Name) + " is the host's"
	case slices.Contains(coreAttributes, f.Name):
		return out, "the field " + short(f.Name) + " is the operator's"
	case schema.Kind == abi.FieldDestination:
		return out, "the field " + short(f.Name) + " is a destination, which only the operator sets"
	case secret != f.Secret:
		return out, "the field " + short(f.Name) + " is secret if and only if the credential's field is"
	case !known && abi.SealedName(f.Name):
		return out, "the field " + short(f.Name) + " has the name of a secret"
	}
	out.Stored = known && !secret
	return out, ""
}

// hostParameters of a login page's address are written by the host.
var hostParameters = []string{"state", "code_challenge", "code_challenge_method"}

// page checks the address that a person is sent to: a destination of the
// manifest that allows GET, which the operator has seen.
func (a *attempt) page(p *abi.Prompt) string {
	u, err := parsePage(p.URL)
	if err != nil {
		return err.Error()
	}
	query := u.Query()
	for _, name := range hostParameters {
		if query.Has(name) {
			return "the url's parameter " + name + " is the host's"
		}
	}
	if p.Kind == abi.PromptKindBrowser && query.Has("redirect_uri") {
		return "the url's parameter redirect_uri is the host's"
	}
	if a.scrubber().text(p.URL) != p.URL {
		return "the url holds a secret"
	}
	for _, d := range a.e.manifest.Destinations {
		if a.leadsTo(d, u) {
			return ""
		}
	}
	return "the url " + short(u.Scheme+"://"+u.Host+u.Path) + " is no destination that allows GET"
}
