// Package gateway is the client API over HTTP: it authenticates the client,
// reads and bounds the request, asks the manager, and writes the answer or the
// stream, with every error in the client's own format. It knows no provider.
package gateway
