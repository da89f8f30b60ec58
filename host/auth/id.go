package auth

import "github.com/google/uuid"

// NewID returns an ID for a record that has none: a random UUID.
func NewID() string { return uuid.NewString() }
