// Package openai reads and writes the wire format openai-chat for providers
// whose upstream speaks something else: the client's request, the chunks of a
// stream and the whole answer. It appends text and decodes only what is asked
// for, so it is cheap enough for every event of a stream.
package openai

import (
	"strconv"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/sdk-guest/jsonspan"
)

// Head is what every payload of one answer repeats.
type Head struct {
	ID    string
	Model string
	// Created is in seconds since the Unix epoch, 0 when unknown.
	Created int64
}

// AppendRole appends the first chunk of a stream, which says who speaks.
func (h Head) AppendRole(dst []byte) []byte {
	return append(h.appendChunk(dst), `[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`...)
}

// AppendText appends a chunk with more of the answer's text.
func (h Head) AppendText(dst []byte, text string) []byte {
	dst = append(h.appendChunk(dst), `[{"index":0,"delta":{"content":`...)
	dst = jsonspan.AppendString(dst, text)
	return append(dst, `},"finish_reason":null}]}`...)
}

// AppendContent appends a chunk with more of the answer's text, given as the
// JSON string that the upstream sent: what only passes through is not decoded.
// Anything but a string counts as an empty one.
func (h Head) AppendContent(dst []byte, text jsonspan.Value) []byte {
	if text.Kind() != jsonspan.String {
		text = jsonspan.Value(`""`)
	}
	dst = append(h.appendChunk(dst), `[{"index":0,"delta":{"content":`...)
	dst = append(dst, text...)
	return append(dst, `},"finish_reason":null}]}`...)
}

// AppendDelta appends a chunk with a delta of the caller's making, a JSON
// object.
func (h Head) AppendDelta(dst []byte, delta jsonspan.Value) []byte {
	dst = append(h.appendChunk(dst), `[{"index":0,"delta":`...)
	dst = append(dst, delta...)
	return append(dst, `,"finish_reason":null}]}`...)
}

// AppendFinish appends the chunk that says why the answer ended: stop, length,
// tool_calls or content_filter.
func (h Head) AppendFinish(dst []byte, reason string) []byte {
	dst = append(h.appendChunk(dst), `[{"index":0,"delta":{},"finish_reason":`...)
	dst = jsonspan.AppendString(dst, reason)
	return append(dst, `}]}`...)
}

// AppendUsage appends the chunk after the last one, for clients that set
// stream_options.include_usage.
func (h Head) AppendUsage(dst []byte, u abi.Usage) []byte {
	dst = append(h.appendChunk(dst), `[],"usage":`...)
	return append(appendUsage(dst, u), '}')
}

// AppendCompletion appends the whole answer to a request without a stream.
func (h Head) AppendCompletion(dst []byte, text, reason string, u abi.Usage) []byte {
	dst = h.appendHead(dst, "chat.completion")
	dst = append(dst, `[{"index":0,"message":{"role":"assistant","content":`...)
	dst = jsonspan.AppendString(dst, text)
	dst = append(dst, `},"finish_reason":`...)
	dst = jsonspan.AppendString(dst, reason)
	dst = append(dst, `}],"usage":`...)
	return append(appendUsage(dst, u), '}')
}

func (h Head) appendChunk(dst []byte) []byte { return h.appendHead(dst, "chat.completion.chunk") }

func (h Head) appendHead(dst []byte, object string) []byte {
	dst = append(dst, `{"id":`...)
	dst = jsonspan.AppendString(dst, h.ID)
	dst = append(dst, `,"object":"`...)
	dst = append(dst, object...)
	dst = append(dst, `","created":`...)
	dst = strconv.AppendInt(dst, h.Created, 10)
	dst = append(dst, `,"model":`...)
	dst = jsonspan.AppendString(dst, h.Model)
	return append(dst, `,"choices":`...)
}

func appendUsage(dst []byte, u abi.Usage) []byte {
	total := u.TotalTokens
	if total == 0 {
		total = u.InputTokens + u.OutputTokens
	}
	dst = append(dst, `{"prompt_tokens":`...)
	dst = strconv.AppendInt(dst, u.InputTokens, 10)
	dst = append(dst, `,"completion_tokens":`...)
	dst = strconv.AppendInt(dst, u.OutputTokens, 10)
	dst = append(dst, `,"total_tokens":`...)
	dst = strconv.AppendInt(dst, total, 10)
	return append(dst, '}')
}
