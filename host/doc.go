// Package host is the core: the Manager, which owns credentials, picks one per
// request, retries and fails over, and keeps what it learned of each.
package host
