// Package guest is the SDK for Patchbay plugins in Go. A plugin is a main
// package that registers providers; "patchbay plugin build" makes a sandboxed
// module of it:
//
//	package main
//
//	import guest "github.com/patchbay-dev/patchbay/sdk-guest"
//
//	func main() {} // not run: the host calls what was registered
//
//	var _ = guest.Register(guest.Provider{
//		Key: "example",
//		Execute: func(r *guest.Request) guest.Answer {
//			return r.Post("base_url", "chat", "completions").Bearer("api_key").ClientBody().Pass()
//		},
//	})
//
// A provider never does anything itself. Each of its functions looks at what
// the host tells it and returns what the host is to do next: send this
// request, emit these chunks, sleep, fail. The host does it and calls again
// with the result. Nothing is kept between two calls, since the next one may
// run in another instance: what must survive goes through Keep and Kept. So
// functions hold no package variables and no pointer to what they were given;
// strings and bytes from the host are valid until the function returns.
//
// Secrets are never seen here. A request names a secret field of the
// credential, and the host puts its value in, in the slots that the plugin's
// manifest declares.
//
// The same providers run natively, linked into a program: see Native.
package guest
