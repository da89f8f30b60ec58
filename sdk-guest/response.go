package guest

import (
	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/sdk-guest/jsonspan"
)

// Response is an upstream's answer.
type Response struct {
	// Status is the HTTP status, 0 when there was no answer.
	Status  int
	Headers []Pair
	Body    []byte
	// Truncated is set when the body was longer than what a guest is shown.
	Truncated bool
}

// OK reports whether the status is one of success.
func (r Response) OK() bool { return r.Status >= 200 && r.Status < 300 }

// Header returns the value of a header, "" when there is none.
func (r Response) Header(name string) string { return find(r.Headers, name) }

// JSON returns the value at path in the body; see jsonspan.Get.
func (r Response) JSON(path ...string) jsonspan.Value { return jsonspan.Get(r.Body, path...) }

func newResponse(in *abi.Response) Response {
	if in == nil {
		return Response{}
	}
	return Response{Status: int(in.Status), Headers: in.Headers, Body: in.Body, Truncated: in.Truncated}
}
