package login

import (
	"maps"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

const (
	// MaxTime is how long a login may take. contract section 9.
	MaxTime = 30 * time.Minute
	// defaultInterval is the time between two polls when nobody says another,
	// and what slow_down adds to it (RFC 8628 sections 3.2 and 3.5).
	defaultInterval = 5 * time.Second
	minInterval     = time.Second
)

// session is one login as it stands. It is a value: its methods say what comes
// next and leave it as it is.
type session struct {
	provider string
	// version is that of the module whose state this is.
	version string
	draft   *auth.Auth
	// label is the operator's; empty leaves it to the provider.
	label    string
	redirect string
	// ends is when the login as a whole is over.
	ends time.Time

	// state is the provider's.
	state  []byte
	prompt *auth.LoginPrompt
	// promptEnds is when the prompt is over; zero means never.
	promptEnds time.Time
	// interval is between two polls; it never shrinks. pollAt is the next.
	interval time.Duration
	pollAt   time.Time
	// proof is the prompt's. It is taken away by the first answer that bears
	// it, so that there is no second one.
	proof proof
}

// start is the first step.
func (s session) start(id string) auth.LoginInput {
	return auth.LoginInput{Phase: auth.LoginStart, Session: id, RedirectURI: s.redirect}
}

// input is a step that answers the prompt.
func (s session) input(id string, phase auth.LoginPhase) auth.LoginInput {
	in := auth.LoginInput{Phase: phase, Session: id, State: s.state, RedirectURI: s.redirect}
	if s.prompt != nil {
		in.Step = s.prompt.Step
	}
	return in
}

// check says whether the login can still be answered.
func (s session) check(version string, now time.Time) error {
	switch {
	case !now.Before(s.ends):
		return &Error{Code: CodeExpired, Message: "the login took longer than " + MaxTime.String() + ": begin again"}
	case !s.promptEnds.IsZero() && !now.Before(s.promptEnds):
		return &Error{Code: CodeExpired, Message: "what the provider asked for was not answered in time: begin again"}
	case version != s.version:
		return &Error{Code: CodeRestart, Message: "the plugin of provider " + s.provider + " was replaced during the login: begin again"}
	}
	return nil
}

// wants reports whether the prompt is one of some kinds.
func (s session) wants(kinds ...auth.LoginPromptKind) error {
	if s.prompt != nil {
		for _, k := range kinds {
			if s.prompt.Kind == k {
				return nil
			}
		}
	}
	return &Error{Code: CodeInvalid, Message: "the login does not wait for this"}
}

// poll is the next step of a device login. With a wait it is too early, and
// nothing is to be done.
func (s session) poll(id string, now time.Time) (in auth.LoginInput, wait time.Duration, err error) {
	if err := s.wants(auth.LoginDevice); err != nil {
		return in, 0, err
	}
	if wait := s.pollAt.Sub(now); wait > 0 {
		return in, wait, nil
	}
	return s.input(id, auth.LoginPoll), 0, nil
}

// answered takes an authorization response. One that carries no state can only
// have been pasted; its code is tied to the login by the verifier.
func (s session) answered(id string, a answer, pasted bool) (session, auth.LoginInput, error) {
	mismatch := &Error{Code: CodeMismatch, Message: "this answer belongs to another login, or was used before: it was not accepted"}
	if s.proof == (proof{}) || !(pasted && a.state == "" && a.denied == "") && !s.proof.matches(a.state) {
		return s, auth.LoginInput{}, mismatch
	}
	state, verifier := s.proof.state, s.proof.verifier
	s.proof = proof{}
	if a.denied != "" {
		message := "the provider refused the login: " + a.denied
		if a.reason != "" {
			message += ": " + a.reason
		}
		return s, auth.LoginInput{}, &Error{Code: CodeDenied, Message: message}
	}
	s.draft = s.draft.Clone()
	put(s.draft, map[string]string{
		auth.LoginStateField: state, auth.LoginCodeField: a.code, auth.LoginVerifierField: verifier,
	})
	in := s.input(id, auth.LoginCallback)
	in.Fields = a.extra
	return s, in, nil
}

// filled takes the answers to a form, or the one of a paste.
func (s session) filled(id string, answers map[string]string) (session, auth.LoginInput, error) {
	secrets, kept, shown, err := fill(s.prompt.Fields, answers)
	if err != nil {
		return s, auth.LoginInput{}, err
	}
	s.draft = s.draft.Clone()
	put(s.draft, secrets)
	if s.draft.Attributes == nil {
		s.draft.Attributes = map[string]string{}
	}
	maps.Copy(s.draft.Attributes, kept)
	in := s.input(id, auth.LoginCallback)
	in.Fields = shown
	return s, in, nil
}

// prompted takes what a step asked for. fresh is the proof for a login page.
func (s session) prompted(phase auth.LoginPhase, out auth.LoginOutput, fresh proof, now time.Time) (session, error) {
	p := *out.Prompt
	if out.Draft != nil {
		s.draft = out.Draft
	}
	s.state = out.State
	if phase == auth.LoginPoll && p.Kind == auth.LoginDevice && p.URL == "" && s.prompt != nil {
		// Still waiting, for the same.
		again := *s.prompt
		again.Interval, again.Step = p.Interval, p.Step
		s.prompt = &again
	} else {
		s.prompt, s.promptEnds, s.proof = &p, time.Time{}, proof{}
		if p.Expires > 0 && p.Expires < MaxTime {
			s.promptEnds = now.Add(p.Expires)
		}
	}
	switch kind := s.prompt.Kind; {
	case kind == auth.LoginDevice:
		s.interval = pace(s.interval, p.Interval, out.SlowDown)
		s.pollAt = now.Add(s.interval)
	case kind == auth.LoginBrowser || kind == auth.LoginPaste && p.URL != "":
		redirect := s.redirect
		if kind == auth.LoginPaste {
			redirect = "" // the login page shows the code itself
		} else if redirect == "" {
			return s, &Error{Code: CodeInvalid, Message: "the login needs a browser that comes back, and nobody waits for one"}
		}
		address, err := fresh.address(p.URL, redirect)
		if err != nil {
			return s, err
		}
		s.prompt.URL, s.proof = address, fresh
	}
	return s, nil
}

// pace is the time until the next poll.
func pace(before, asked time.Duration, slowDown bool) time.Duration {
	if asked <= 0 {
		asked = defaultInterval
	}
	if slowDown {
		before += defaultInterval
	}
	return min(max(before, asked, minInterval), MaxTime)
}

// complete is the credential that a login ends with.
func (s session) complete(draft *auth.Auth) *auth.Auth {
	c := draft.Clone()
	c.ID, c.Provider, c.ProxyURL = s.draft.ID, s.draft.Provider, s.draft.ProxyURL
	for _, name := range auth.LoginFields {
		delete(c.Metadata, name)
	}
	c.Status = auth.StatusActive
	if s.label != "" {
		c.Label = s.label
	}
	return c
}

func put(a *auth.Auth, secrets map[string]string) {
	if a.Metadata == nil {
		a.Metadata = map[string]any{}
	}
	for name, v := range secrets {
		a.Metadata[name] = v
	}
}
