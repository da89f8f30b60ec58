package driver

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// decoded returns the body of an answer without its content coding. The host
// asks for none, so only what is simple is undone; a coding that is unknown is
// an error, since its bytes would mislead whoever reads them. The headers that
// name the coding go. Limits apply to what comes out (faults.md U-09).
func decoded(resp *http.Response) (io.Reader, error) {
	coding := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding")))
	switch coding {
	case "", "identity":
		return resp.Body, nil
	case "gzip", "x-gzip", "deflate":
		resp.Header.Del("Content-Encoding")
		resp.Header.Del("Content-Length")
		resp.ContentLength = -1
		return &lazyDecoder{from: resp.Body, deflate: coding == "deflate"}, nil
	}
	return nil, fmt.Errorf("the provider answered in the content coding %q, though none was asked for", short(coding))
}

// lazyDecoder starts decoding at the first read, since a decoder reads its
// header when it is made.
type lazyDecoder struct {
	from    io.Reader
	deflate bool
	to      io.Reader
	err     error
}

func (d *lazyDecoder) Read(p []byte) (int, error) {
	if d.to == nil && d.err == nil {
		d.to, d.err = d.open()
	}
	if d.err != nil {
		return 0, d.err
	}
	return d.to.Read(p)
}

// open makes the decoder. What is called deflate is zlib, except where servers
// send it bare.
func (d *lazyDecoder) open() (io.Reader, error) {
	in := bufio.NewReader(d.from)
	if !d.deflate {
		return gzip.NewReader(in)
	}
	head, err := in.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (uint16(head[0])<<8|uint16(head[1]))%31 == 0 {
		return zlib.NewReader(in)
	}
	return flate.NewReader(in), nil
}
