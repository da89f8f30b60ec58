package abi

import "time"

// Caps of the contract. A manifest may ask for less, never for more, unless
// the comment says that the operator may raise it.
const (
	// PageSize is the size of a WebAssembly memory page, in bytes.
	PageSize = 64 << 10
	// MaxModule is the largest module file that a host reads, in bytes.
	MaxModule = 64 << 20
	// MaxManifest is the largest manifest, in bytes.
	MaxManifest = 1 << 20
	// MaxState is the largest state that a guest may return, in bytes.
	MaxState = 16 << 10
	// MaxInput is the largest encoded input of a call, in bytes: a body of 32
	// MiB and its frame.
	MaxInput = 33 << 20
	// MaxOutput is the largest encoded output of a call, in bytes.
	MaxOutput = 33 << 20
	// MaxElements is how many messages, and elements of lists of other types,
	// a guest's message may hold in all. It bounds what a decoder allocates: 33
	// MiB of the shortest actions would become 3 GiB.
	MaxElements = 100_000
	// MaxWhole is the default and largest max_bytes of a whole answer.
	MaxWhole = 32 << 20
	// MaxInspect is the largest answer body that classify sees, in bytes.
	MaxInspect = 64 << 10
	// MaxHold is the most that held chunks may add up to, in bytes.
	MaxHold = 64 << 10
	// MaxHoldTime is the longest that chunks may be held.
	MaxHoldTime = 30 * time.Second
	// MaxBuffer is the largest host buffer of an attempt, in bytes.
	MaxBuffer = 8 << 20
	// MaxSteps is how many calls one attempt may take, events not counted.
	MaxSteps = 1000
	// MaxModels is how many models a guest may list for one credential.
	MaxModels = 10_000
	// MaxModelName is the longest name of a model, in bytes.
	MaxModelName = 512
	// MinSleep is the shortest sleep; shorter ones are lengthened.
	MinSleep = 100 * time.Millisecond
	// MaxImport is the most that one call of an import handles, in bytes.
	MaxImport = 64 << 10
	// MaxTableElements bounds all tables of a module together.
	MaxTableElements = 100_000
	// MaxFunctionBody is the largest function body, in bytes.
	MaxFunctionBody = 256 << 10
	// DefaultMemory is the memory limit of an instance when the manifest names
	// none, in bytes; the operator may raise it.
	DefaultMemory = 64 << 20
	// DefaultCallTime is how long one call may run; the operator may raise it.
	DefaultCallTime = 2 * time.Second
)

// FeatureNames are the features beyond the base of the contract that a
// manifest can name under requires.
const (
	FeatureEdits      = "edits"
	FeatureUnwrap     = "unwrap"
	FeatureInspect    = "inspect"
	FeatureHold       = "hold"
	FeatureBuffers    = "buffers"
	FeatureSigners    = "signers"
	FeatureExchange   = "exchange"
	FeatureRefresh    = "refresh"
	FeatureLogin      = "login"
	FeaturePreparer   = "prepare_request"
	FeatureIntercept  = "intercept"
	FeaturePostAuth   = "post_auth"
	FeatureObserve    = "observe"
	FeatureCancel     = "cancel"
	FeatureSessions   = "close_session"
	FeatureWebSocket  = "ws"
	FeatureAWSEvents  = "aws_event_stream"
	FeatureReadSecret = "secrets_readable"
	FeatureForms      = "forms"
	FeatureEncodings  = "encodings"
)
