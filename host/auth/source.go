package auth

// Source says on whose word a credential is kept away until when it is.
type Source string

// The sources of a deadline.
const (
	// SourceHeader: a header of the provider's answer.
	SourceHeader Source = "header"
	// SourceBody: the body of the provider's answer.
	SourceBody Source = "body"
	// SourcePlugin: the provider's plugin, which read the answer.
	SourcePlugin Source = "plugin"
	// SourceLadder: ours, longer with each failure in a row.
	SourceLadder Source = "ladder"
	// SourceDefault: the configuration, by the kind of the failure.
	SourceDefault Source = "default"
	// SourceProbe: ours, twice the wait before, since a probe failed.
	SourceProbe Source = "probe"
	// SourceOperator: a person switched it off.
	SourceOperator Source = "operator"
)
