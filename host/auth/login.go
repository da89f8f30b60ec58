package auth

import (
	"context"
	"time"

	"github.com/patchbay-dev/patchbay/host/executor"
)

// ErrRetired is what an executor says that was replaced, and takes nothing new.
var ErrRetired = executor.ErrRetired

// LoginProvider is an executor that can log in: it makes a credential step by
// step, with a person's help. It keeps nothing between two steps; what must
// survive is in the draft and in the state. Implementations are safe for
// concurrent use and do not change the draft they are given.
type LoginProvider interface {
	// Login performs one step. An error ends the login; ErrRetired says that
	// another took the provider's place.
	Login(ctx context.Context, draft *Auth, in LoginInput) (LoginOutput, error)
}

// LoginPhase is what a step of a login is about.
type LoginPhase string

// The phases.
const (
	// LoginStart begins a login.
	LoginStart LoginPhase = "start"
	// LoginPoll asks whether the person is done elsewhere.
	LoginPoll LoginPhase = "poll"
	// LoginCallback brings what the person, or the browser, answered.
	LoginCallback LoginPhase = "callback"
	// LoginCancel says that nobody waits any more; only its error is looked at.
	LoginCancel LoginPhase = "cancel"
)

// Secrets that a login puts into its draft when the browser comes back. They
// are never stored; LoginFields names them all.
const (
	// LoginStateField is the OAuth state, which some providers want to have back
	// with the code.
	LoginStateField = "state"
	// LoginCodeField is the authorization code.
	LoginCodeField = "code"
	// LoginVerifierField is the PKCE verifier (RFC 7636).
	LoginVerifierField = "code_verifier"
)

// LoginFields are the secrets that are a login's alone.
var LoginFields = []string{LoginStateField, LoginCodeField, LoginVerifierField}

// LoginInput is one step of a login.
type LoginInput struct {
	Phase LoginPhase
	// Session names the login to whoever performs its steps; it opens nothing.
	Session string
	// Step is that of the prompt which is answered.
	Step string
	// State is what the step before returned.
	State []byte
	// Fields are what was answered, without what is secret: that is in the
	// draft.
	Fields map[string]string
	// RedirectURI is where a browser comes back to.
	RedirectURI string
}

// LoginOutput is what came of a step: a prompt, or the credential.
type LoginOutput struct {
	// Draft is the credential as far as it is. Without a prompt it is complete.
	Draft *Auth
	// Prompt asks the person for something; nil ends the login.
	Prompt *LoginPrompt
	// State comes back with the next step.
	State []byte
	// SlowDown: the provider was polled too often (RFC 8628 section 3.5).
	SlowDown bool
}

// LoginPromptKind is how a person is asked.
type LoginPromptKind string

// The kinds of prompts.
const (
	// LoginDevice: open URL, on any device, and enter UserCode there.
	LoginDevice LoginPromptKind = "device"
	// LoginBrowser: open URL in a browser that comes back to RedirectURI.
	LoginBrowser LoginPromptKind = "browser"
	// LoginPaste: paste one text: what URL showed, or the value of a field.
	LoginPaste LoginPromptKind = "paste"
	// LoginForm: fill in the fields.
	LoginForm LoginPromptKind = "form"
)

// LoginPrompt asks a person for something. It holds no secret.
type LoginPrompt struct {
	Kind     LoginPromptKind
	Message  string
	URL      string
	UserCode string
	// Expires is how long the prompt is good for; 0 means as long as the login.
	Expires time.Duration
	// Interval is the least time between two polls; 0 means the default.
	Interval time.Duration
	Fields   []LoginField
	// Step comes back with the answer.
	Step string
}

// LoginField is one input of a form.
type LoginField struct {
	// Name of the credential's field.
	Name  string
	Label string
	// Secret: it is typed without being shown, and goes into the draft only.
	Secret   bool
	Required bool
	// Stored: the answer becomes a field of the credential.
	Stored bool
}
