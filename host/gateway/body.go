package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// firstBuffer is what a body gets before any of it has come. Memory follows
// the bytes that came, not the length that was announced.
const firstBuffer = 64 << 10

// readBody reads the whole body, to its end: only then does the server watch
// the connection for a client that leaves. The buffer is not pooled: a
// provider's transport may still read it after the request is over, and then
// one client's prompt would be another's.
func (x *exchange) readBody() ([]byte, *problem) {
	if p := plainEncoding(x.r.Header); p != nil {
		return nil, p
	}
	limit := x.limits.BodyBytes
	if x.r.ContentLength > limit {
		return nil, bodyTooLarge(limit)
	}
	capacity := int64(firstBuffer)
	if x.r.ContentLength >= 0 {
		// One byte more, so that the end is seen without growing.
		capacity = min(capacity, x.r.ContentLength+1)
	}
	src := http.MaxBytesReader(x.w, x.r.Body, limit)
	body := make([]byte, 0, capacity)
	started := time.Now()
	for {
		if len(body) == cap(body) {
			body = grow(body, x.r.ContentLength)
		}
		n, err := src.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, bodyProblem(err, limit)
		}
		x.readBy(started.Add(x.gw.timing.bodyIdle + time.Duration(int64(len(body))/x.gw.timing.bodyRate)*time.Second))
	}
	// From here the server reads on only to see that the client left.
	x.readBy(time.Time{})
	return body, nil
}

// grow returns body with room for four times as much, but for no more than was
// announced.
func grow(body []byte, announced int64) []byte {
	room := 4 * int64(cap(body))
	if announced >= 0 {
		room = max(min(room, announced+1), int64(len(body))+1)
	}
	bigger := make([]byte, len(body), room)
	copy(bigger, body)
	return bigger
}

func plainEncoding(header http.Header) *problem {
	for _, v := range header["Content-Encoding"] {
		if v != "" && !strings.EqualFold(strings.TrimSpace(v), "identity") {
			return &problem{status: http.StatusUnsupportedMediaType, code: codeEncoding, kind: typeInvalidRequest, message: "The request body must not be compressed.", close: true}
		}
	}
	return nil
}

func bodyTooLarge(limit int64) *problem {
	return &problem{
		status: http.StatusRequestEntityTooLarge, code: codeTooLarge, kind: typeInvalidRequest, close: true,
		message: fmt.Sprintf("The request body is larger than %d bytes.", limit),
	}
}

func bodyProblem(err error, limit int64) *problem {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return bodyTooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{status: http.StatusRequestTimeout, code: codeBodySlow, kind: typeInvalidRequest, message: "The request body came too slowly.", close: true, cause: err}
	}
	p := badRequest(codeBadRequest, "", "The request body ended before its end, or is not framed as HTTP asks.")
	p.close, p.cause = true, err
	return p
}
