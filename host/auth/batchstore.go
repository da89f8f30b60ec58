package auth

import "context"

// BatchStore is a Store that saves several records in one go, which costs it
// about as much as one. The manager saves what it learned of many credentials
// this way.
type BatchStore interface {
	Store
	// SaveAll replaces the records with the same IDs, durably: all of them, or none
	// when it returns an error. It keeps none of auths.
	SaveAll(ctx context.Context, auths []*Auth) error
}
