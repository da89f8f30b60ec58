package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/login"
)

func authLogin(g *global) *cobra.Command {
	var (
		spec      admin.LoginSpec
		sets      []string
		noBrowser bool
	)
	c := &cobra.Command{
		Use:   "login PROVIDER [--label LABEL] [--set FIELD=VALUE] [--no-browser]",
		Short: "Log in at a provider, and store the credential",
		Long: `Log in at a provider, and store the credential. The provider's plugin says how:
with a page that opens in your browser, with a code that you enter on any device, or
with something to paste or to fill in here. It needs a running server.

Without a browser on this machine use --no-browser: open the address that is shown
elsewhere, and paste here the address at which that browser ended.

With --replace a credential that is there gets the new tokens and keeps all else.`,
		Example: `  patchbay auth login example --label work
  patchbay auth login example --no-browser
  patchbay auth login example --replace 6f1c0a0e-6a30-4b6c-9d57-0f2a5c0d9e11`,
		Args:              exactly(1, "one PROVIDER"),
		ValidArgsFunction: g.completeProviders(),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			spec.Provider = args[0]
			if spec.Set, err = pairs("--set: ", sets); err != nil {
				return err
			}
			lines := newLines(cmd.InOrStdin())
			in := input{stdin: lines}
			if spec.ProxyURL, err = in.proxyURL(spec.ProxyURL); err != nil {
				return err
			}
			return g.with(cmd.Context(), func(ops admin.Operations) error {
				l := loggingIn{ops: ops, lines: lines, out: cmd.ErrOrStderr(), browser: !noBrowser}
				v, err := l.run(cmd.Context(), spec)
				if err != nil {
					return err
				}
				return printStored(cmd, g, *v)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&spec.Label, "label", "", "what you call it (default: what the provider says)")
	f.StringArrayVar(&sets, "set", nil, "a field that is not secret, FIELD=VALUE; may be repeated")
	f.BoolVar(&noBrowser, "no-browser", false, "open no browser; show the address instead")
	f.StringVar(&spec.Replace, "replace", "", "ID of the credential that gets the new tokens")
	f.BoolVar(&spec.AllowPrivate, "allow-private", false, "let it reach private addresses by name")
	f.StringVar(&spec.ProxyURL, "proxy-url", "", "proxy for this credential; @FILE for a URL with a user or a password")
	completeFlag(c, "replace", g.completeAuths())
	return jsonFlag(c, g)
}

// loggingIn is one login, as a person sees it.
type loggingIn struct {
	ops   admin.Operations
	lines *lines
	// out is where the person is told what to do.
	out io.Writer
	// browser: open one.
	browser bool

	id string
}

// run goes through a login to its end. One that does not come to its end is
// cancelled, so that the server forgets it at once.
func (l *loggingIn) run(ctx context.Context, spec admin.LoginSpec) (*admin.AuthView, error) {
	info, err := l.ops.LoginInfo(ctx, spec.Provider)
	if err != nil {
		return nil, err
	}
	back, err := login.Listen(ctx, info.Redirect)
	if err != nil {
		return nil, err
	}
	defer func() { back.Close() }()
	spec.Redirect = back.Redirect()
	state, err := l.ops.StartLogin(ctx, spec)
	if err != nil {
		return nil, l.left(ctx, err)
	}
	l.id = state.ID
	for err == nil && state.Auth == nil {
		switch p := state.Prompt; {
		case p == nil:
			err = errors.New("the server asks for nothing and the login is not done: server and command may be of different versions")
		case p.Kind == admin.LoginDevice:
			state, err = l.device(ctx, state)
		case p.Kind == admin.LoginBrowser:
			if state, err = l.visit(ctx, state, back); err == nil && state.Auth == nil {
				back, err = login.Listen(ctx, spec.Redirect) // it may be asked for again
			}
		case p.Kind == admin.LoginPaste:
			state, err = l.paste(ctx, state)
		case p.Kind == admin.LoginForm:
			state, err = l.form(ctx, state)
		default:
			err = fmt.Errorf("the server asks in a way that this command does not know (%s): use a newer one", printable(p.Kind))
		}
	}
	if err != nil {
		l.cancel(ctx)
		return nil, l.left(ctx, err)
	}
	return state.Auth, nil
}

// left says it plainly when the person ended the login.
func (l *loggingIn) left(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("the login was cancelled: nothing was stored")
	}
	return err
}

// cancelWait is how long the server may take to forget a login.
const cancelWait = 5 * time.Second

func (l *loggingIn) cancel(ctx context.Context) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelWait)
	defer stop()
	_ = l.ops.CancelLogin(ctx, l.id) // the server forgets it by itself, later
}

// goesOn reports whether a login can be answered again after an error.
func goesOn(err error) bool {
	return errors.Is(err, &admin.Error{Code: admin.CodeInvalid}) || errors.Is(err, &admin.Error{Code: admin.CodeConflict})
}

// device shows a code, and polls until the person has entered it elsewhere.
func (l *loggingIn) device(ctx context.Context, state admin.LoginState) (admin.LoginState, error) {
	shown := *state.Prompt
	l.say(shown.Message)
	fmt.Fprintf(l.out, "Open this page, on any device:\n  %s\n", printable(shown.URL))
	if shown.UserCode != "" {
		fmt.Fprintf(l.out, "and enter the code:\n  %s\n", printable(shown.UserCode))
	}
	l.open(shown.URL)
	p := startProgress(l.out, "Waiting until you are done there")
	defer p.end()
	for {
		if err := pause(ctx, state.PollIn); err != nil {
			return state, err
		}
		next, err := l.ops.ContinueLogin(ctx, admin.LoginAnswer{ID: l.id, Poll: true})
		switch {
		case errors.Is(err, &admin.Error{Code: admin.CodeConflict}):
			state.PollIn = time.Second
		case err != nil || next.Auth != nil || next.Prompt == nil || !same(*next.Prompt, shown):
			return next, err
		default:
			state = next
		}
	}
}

// same reports whether a person has seen a prompt already.
func same(a, b admin.LoginPrompt) bool {
	return a.Kind == b.Kind && a.URL == b.URL && a.UserCode == b.UserCode
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// paste asks for one text, which a page showed, or which is a secret.
func (l *loggingIn) paste(ctx context.Context, state admin.LoginState) (admin.LoginState, error) {
	p := state.Prompt
	l.say(p.Message)
	what, hide := "Paste what the page shows", true
	if p.URL != "" {
		fmt.Fprintf(l.out, "Open this page:\n  %s\n", printable(p.URL))
		l.open(p.URL)
	} else if len(p.Fields) == 1 {
		what, hide = caption(p.Fields[0]), p.Fields[0].Secret
	}
	for {
		text, err := l.lines.ask(ctx, l.out, what, hide)
		if err != nil {
			return state, err
		}
		next, err := l.ops.ContinueLogin(ctx, admin.LoginAnswer{ID: l.id, Paste: &text})
		if err == nil || !goesOn(err) {
			return next, err
		}
		l.say(err.Error())
	}
}

// form asks for one field after the other.
func (l *loggingIn) form(ctx context.Context, state admin.LoginState) (admin.LoginState, error) {
	l.say(state.Prompt.Message)
	for {
		answers := map[string]string{}
		for _, f := range state.Prompt.Fields {
			text, err := l.lines.ask(ctx, l.out, caption(f), f.Secret)
			if err != nil {
				return state, err
			}
			if text != "" {
				answers[f.Name] = text
			}
		}
		next, err := l.ops.ContinueLogin(ctx, admin.LoginAnswer{ID: l.id, Fields: answers})
		if err == nil || !goesOn(err) {
			return next, err
		}
		l.say(err.Error())
	}
}

func caption(f admin.LoginField) string {
	text := f.Label
	if text == "" {
		text = f.Name
	}
	if !f.Required {
		text += " (may stay empty)"
	}
	return printable(text)
}

func (l *loggingIn) say(message string) {
	if message != "" {
		fmt.Fprintln(l.out, printable(message))
	}
}
