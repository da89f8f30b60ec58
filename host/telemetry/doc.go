// Package telemetry makes the log: slog as JSON or text, with a last net that
// keeps secrets out of it. The first net is that nobody logs one; this package
// is for the day when somebody does.
package telemetry
