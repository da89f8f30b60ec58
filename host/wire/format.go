package wire

import "github.com/patchbay-dev/patchbay/host/wire/frame"

// Format is the name of a wire format, one of the registry in abi/SPEC.md.
type Format string

// OpenAIChat is the body, the answer and the stream of OpenAI's chat
// completions.
const OpenAIChat Format = "openai-chat"

// Content types of the transports.
const (
	ContentTypeJSON   = "application/json"
	ContentTypeSSE    = "text/event-stream"
	ContentTypeNDJSON = "application/x-ndjson"
)

// format is what the functions of this package need to know of a format.
type format struct {
	modelMember  bool // the body names its model in the member model
	streamMember bool // and asks for a stream in the member stream
	done         string
}

var formats = map[Format]format{
	OpenAIChat: {modelMember: true, streamMember: true, done: "data: [DONE]\n\n"},
}

// Known reports whether this build has the format.
func Known(f Format) bool {
	_, ok := formats[f]
	return ok
}

// HasModel reports whether a request body of the format names its model, so
// that SetModel has a place to write it.
func HasModel(f Format) bool { return formats[f].modelMember }

// ContentType returns the media type of a whole answer in the format.
func ContentType(Format) string { return ContentTypeJSON }

// StreamContentType returns the media type of a stream in the format.
func StreamContentType(Format) string { return ContentTypeSSE }

// AppendEvent appends one payload as the client of the format expects an event
// of a stream.
func AppendEvent(dst []byte, _ Format, payload []byte) []byte {
	return frame.AppendSSE(dst, "", payload)
}

// StreamDone returns what ends a complete stream in the format; it may be
// empty, and must not be changed. Nothing follows an error.
func StreamDone(f Format) []byte { return []byte(formats[f].done) }
