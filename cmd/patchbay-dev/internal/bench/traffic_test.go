package bench

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

// pieces gives what it holds in pieces of the sizes that are drawn.
type pieces struct {
	text []byte
	next func() int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.next())], p.text)
	p.text = p.text[n:]
	return n, nil
}

func readBody(r *reader) (string, error) {
	var body strings.Builder
	for {
		p, err := r.piece()
		if errors.Is(err, io.EOF) {
			return body.String(), nil
		}
		if err != nil {
			return body.String(), err
		}
		body.Write(p)
	}
}

// TestAStreamIsReadHoweverItComes: the same events, however TCP cuts them, and
// the next answer on the connection after them.
func TestAStreamIsReadHoweverItComes(t *testing.T) {
	now := time.Unix(1_700_000_000, 123_456_789)
	stream := []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	for i := range 3 {
		stream = plain.appendChunk(stream, now.Add(time.Duration(i)))
	}
	stream = append(stream, "e\r\n"+eventDone+"\r\n0\r\n\r\n"...)
	stream = append(stream, respond(answerBody())...)
	rapid.Check(t, func(t *rapid.T) {
		r := newReader(&pieces{text: bytes.Clone(stream), next: func() int { return rapid.IntRange(1, 400).Draw(t, "n") }})
		if first, err := r.head(); err != nil || !bytes.HasPrefix(first, okLine) {
			t.Fatal(string(first), err)
		}
		var s splitter
		var stamps []time.Time
		for {
			p, err := r.piece()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			s.feed(p, func(event []byte) {
				if at, ok := stampOf(event); ok {
					stamps = append(stamps, at)
				}
			})
		}
		if len(stamps) != 3 || !stamps[0].Equal(now) || !s.done || len(s.rest) != 0 {
			t.Fatalf("%d stamps, done %v, rest %q", len(stamps), s.done, s.rest)
		}
		if _, err := r.head(); err != nil {
			t.Fatal(err)
		}
		if body, err := readBody(r); err != nil || body != answerBody() {
			t.Fatal(body, err)
		}
	})
}

func TestBrokenAnswers(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"no head", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"},
		{"a bad length", "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc"},
		{"a short body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"},
		{"a bad chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
		{"no end of a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"},
		{"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"},
		{"a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n"},
		{"a head without end", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 20<<10)},
	} {
		r := newReader(iotest.OneByteReader(strings.NewReader(c.text)))
		_, err := r.head()
		if err == nil {
			_, err = readBody(r)
		}
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestBodiesAreAKilobyte(t *testing.T) {
	for name, body := range map[string]string{"request": requestBody(false), "stream": requestBody(true), "answer": answerBody()} {
		if len(body) < 900 || len(body) > 1100 {
			t.Errorf("%s has %d bytes", name, len(body))
		}
	}
	if !strings.Contains(answerBody(), wholeMark) || !bytes.Contains([]byte(requestBody(true)), wantsStream) || bytes.Contains([]byte(requestBody(false)), wantsStream) {
		t.Error("the two sides do not look for what the other writes")
	}
}
