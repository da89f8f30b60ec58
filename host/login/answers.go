package login

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// Poll asks whether the person of a device login is done. When it is too early
// it only says when it is not; it need not be asked again before PollIn.
func (l *Logins) Poll(ctx context.Context, id string) (View, error) {
	return l.step(ctx, id, func(s session, now time.Time) (session, auth.LoginInput, bool, error) {
		in, wait, err := s.poll(id, now)
		return s, in, wait > 0, err
	}, nil)
}

// Callback brings the request with which a browser came back: its raw query and
// its headers.
func (l *Logins) Callback(ctx context.Context, id, query string, header http.Header) (View, error) {
	a, err := parseQuery(query)
	if err != nil {
		return View{}, err
	}
	pairs, err := url.ParseQuery(query)
	if err != nil { // parseQuery has read it
		return View{}, &Error{Code: CodeInvalid, Message: "the answer of the login page is not a query"}
	}
	return l.step(ctx, id, func(s session, _ time.Time) (session, auth.LoginInput, bool, error) {
		if err := s.wants(auth.LoginBrowser); err != nil {
			return s, auth.LoginInput{}, false, err
		}
		s, in, err := s.answered(id, a, false)
		return s, in, false, err
	}, Info(header, pairs))
}

// Paste brings what a person pasted: an authorization code, the address at which
// a browser ended, or the value of the one field that was asked for.
func (l *Logins) Paste(ctx context.Context, id, text string) (View, error) {
	return l.step(ctx, id, func(s session, _ time.Time) (session, auth.LoginInput, bool, error) {
		if err := s.wants(auth.LoginBrowser, auth.LoginPaste); err != nil {
			return s, auth.LoginInput{}, false, err
		}
		if s.prompt.Kind == auth.LoginPaste && s.prompt.URL == "" && len(s.prompt.Fields) == 1 {
			s, in, err := s.filled(id, map[string]string{s.prompt.Fields[0].Name: text})
			return s, in, false, err
		}
		a, err := parsePaste(text)
		if err != nil {
			return s, auth.LoginInput{}, false, err
		}
		s, in, err := s.answered(id, a, true)
		return s, in, false, err
	}, nil)
}

// Fill brings the answers to a form, by field.
func (l *Logins) Fill(ctx context.Context, id string, answers map[string]string) (View, error) {
	return l.step(ctx, id, func(s session, _ time.Time) (session, auth.LoginInput, bool, error) {
		if err := s.wants(auth.LoginForm); err != nil {
			return s, auth.LoginInput{}, false, err
		}
		s, in, err := s.filled(id, answers)
		return s, in, false, err
	}, nil)
}
