package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// reader reads HTTP/1.1 messages off a connection with as little work as there
// can be: the load generator and the upstream must not be what is measured. It
// reads only what the targets of a benchmark send.
type reader struct {
	from     io.Reader
	buf      []byte
	at, have int
	// left is what is left of the body, or of the chunk; chunked says which.
	// behind says that a chunk has ended and its line end is still to come.
	left            int
	chunked, behind bool
}

func newReader(from io.Reader) *reader { return &reader{from: from, buf: make([]byte, 16<<10)} }

var errHead = errors.New("the head of a message is longer than 16 KiB")

// fill reads more, and makes room for it first.
func (r *reader) fill() error {
	if r.at > 0 {
		r.have = copy(r.buf, r.buf[r.at:r.have])
		r.at = 0
	}
	if r.have == len(r.buf) {
		return errHead
	}
	n, err := r.from.Read(r.buf[r.have:])
	if r.have += n; n > 0 {
		return nil
	}
	return err
}

// until returns what comes before end, and takes both.
func (r *reader) until(end []byte) ([]byte, error) {
	for searched := 0; ; {
		if i := bytes.Index(r.buf[r.at+searched:r.have], end); i >= 0 {
			text := r.buf[r.at : r.at+searched+i]
			r.at += len(text) + len(end)
			return text, nil
		}
		searched = max(r.have-r.at-len(end)+1, 0)
		if err := r.fill(); err != nil {
			if errors.Is(err, io.EOF) && r.have > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

var (
	blankLine   = []byte("\r\n\r\n")
	lineEnd     = []byte("\r\n")
	nameLength  = []byte("content-length")
	nameCoding  = []byte("transfer-encoding")
	codingChunk = []byte("chunked")
)

// head reads a head and returns its first line, good until the next call.
func (r *reader) head() ([]byte, error) {
	text, err := r.until(blankLine)
	if err != nil {
		return nil, err
	}
	first, fields, _ := bytes.Cut(text, lineEnd)
	r.left, r.chunked, r.behind = 0, false, false
	for len(fields) > 0 {
		var line []byte
		line, fields, _ = bytes.Cut(fields, lineEnd)
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(name) == len(nameLength) && bytes.EqualFold(name, nameLength):
			if r.left, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil || r.left < 0 {
				return nil, fmt.Errorf("a bad Content-Length %q", value)
			}
		case len(name) == len(nameCoding) && bytes.EqualFold(name, nameCoding):
			r.chunked = bytes.EqualFold(bytes.TrimSpace(value), codingChunk)
		}
	}
	return first, nil
}

// piece returns the next bytes of the body, good until the next call, and
// io.EOF at its end.
func (r *reader) piece() ([]byte, error) {
	if r.left == 0 {
		if !r.chunked {
			return nil, io.EOF
		}
		if err := r.nextChunk(); err != nil {
			return nil, err
		}
	}
	if r.at == r.have {
		if err := r.fill(); err != nil {
			return nil, unexpected(err)
		}
	}
	n := min(r.left, r.have-r.at)
	p := r.buf[r.at : r.at+n]
	r.at += n
	r.left -= n
	r.behind = r.left == 0 && r.chunked
	return p, nil
}

// nextChunk reads the line before a chunk, and at the last chunk the end.
func (r *reader) nextChunk() error {
	if r.behind {
		r.behind = false
		if err := r.emptyLine(); err != nil {
			return err
		}
	}
	line, err := r.until(lineEnd)
	if err != nil {
		return unexpected(err)
	}
	size, err := strconv.ParseUint(string(line), 16, 31)
	if err != nil {
		return fmt.Errorf("a bad chunk size %q", line)
	}
	if size > 0 {
		r.left = int(size)
		return nil
	}
	r.chunked = false
	if err := r.emptyLine(); err != nil {
		return err
	}
	return io.EOF
}

// emptyLine reads the line end behind a chunk; nobody asked for trailers.
func (r *reader) emptyLine() error {
	line, err := r.until(lineEnd)
	switch {
	case err != nil:
		return unexpected(err)
	case len(line) > 0:
		return fmt.Errorf("%q where a line should end", line)
	}
	return nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
