package bench

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What a stream is made of.
const (
	streamEvents  = 40
	eventInterval = 25 * time.Millisecond
	// thinking is what comes before the first event. Without it an answer can
	// begin before httputil.ReverseProxy has seen the end of the request, and
	// then it breaks the stream off.
	thinking = eventInterval
)

const benchModel = "bench"

// stampDigits is the length of the time in an event: nanoseconds since 1970,
// as decimal digits, the same clock for every process on the machine.
const stampDigits = 19

const (
	eventHead = `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":[{"index":0,"delta":{"content":"`
	eventTail = `"},"finish_reason":null}]}` + "\n\n"
	eventDone = "data: [DONE]\n\n"
)

// requestBody is a short conversation, 1 KiB in all.
func requestBody(stream bool) string {
	const ask = `{"model":"` + benchModel + `","stream":%v,"temperature":0.2,"messages":[{"role":"system","content":"%s"},{"role":"user","content":"%s"}]}`
	system := strings.Repeat("You are a helpful assistant. ", 10)
	user := strings.Repeat("Tell me about the weather on the coast in spring. ", 12)
	return fmt.Sprintf(ask, stream, system, user)
}

// request is a whole request, as it goes over the wire.
func request(addr, key string, stream bool) []byte {
	body := requestBody(stream)
	return fmt.Appendf(nil, "POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nAccept: */*\r\nUser-Agent: bench\r\nContent-Length: %d\r\n\r\n%s", addr, key, len(body), body)
}

// answerBody is a whole answer, 1 KiB too.
func answerBody() string {
	return `{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"` + benchModel +
		`","choices":[{"index":0,"message":{"role":"assistant","content":"` + strings.Repeat("It rains, and then it does not. ", 25) +
		`"},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":180,"total_tokens":380}}`
}

// wholeMark is in every whole answer, in and out of this package's hands.
const wholeMark = `"object":"chat.completion"`

const modelList = `{"object":"list","data":[{"id":"` + benchModel + `","object":"model","created":1700000000,"owned_by":"bench"}]}`

// respond is a whole response with a JSON body.
func respond(body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// shape is how the upstream writes an event: what is before and after the time.
type shape struct{ head, tail string }

var (
	plain = shape{eventHead, eventTail}
	// wrapped is the same event in an envelope.
	wrapped = shape{
		`data: {"trace":"0123456789abcdef","response":` + strings.TrimPrefix(eventHead, "data: "),
		strings.TrimSuffix(eventTail, "\n\n") + "}\n\n",
	}
)

// appendChunk appends a chunk of HTTP/1.1 that holds one event with the time.
func (s shape) appendChunk(p []byte, now time.Time) []byte {
	p = strconv.AppendUint(p, uint64(len(s.head)+stampDigits+len(s.tail)), 16)
	p = append(append(p, "\r\n"...), s.head...)
	p = strconv.AppendInt(p, now.UnixNano(), 10)
	return append(append(p, s.tail...), "\r\n"...)
}
