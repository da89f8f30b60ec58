// Package credfile reads credential files of the kind that CLIProxyAPI writes:
// one JSON object a file, with the provider in "type", tokens beside it or in an
// object "token", and what an operator set (disabled, prefix, proxy_url,
// priority, …). It knows the keys that mean the same for every provider; the
// others are the provider's plugin's to know. A file is a secret: no error and
// no name that this package gives holds a value of it.
package credfile
