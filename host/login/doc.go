// Package login owns the logins that are under way: each is a credential that
// comes about in steps, with a person's help. A provider's executor performs the
// steps (auth.LoginProvider); this package says who may answer what and when,
// makes and checks the OAuth state and the PKCE verifier, paces the polls,
// receives the browser when it comes back, lets the PostAuthHooks judge the
// result, and registers it.
//
// What decides is pure and takes the clock as an argument (session.go). Logins
// holds the state and does the rest. spec: contract.md sections 5, 6 and 9,
// faults.md.
package login
