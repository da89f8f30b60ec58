package host

import (
	"context"
	"io"
	"net/http"

	"github.com/patchbay-dev/patchbay/host/executor"
)

// channelStream makes a stream that is pulled of one that comes by channel. Its
// context is the attempt's: Close of the stream around it ends that first, so
// that the executor stops sending and closes the channel.
type channelStream struct {
	ctx context.Context
	res *executor.StreamResult
}

func newChannelStream(ctx context.Context, res *executor.StreamResult) *channelStream {
	return &channelStream{ctx: ctx, res: res}
}

// Headers implements executor.Stream.
func (s *channelStream) Headers() http.Header { return s.res.Headers }

// Framing implements executor.Stream.
func (s *channelStream) Framing() executor.Framing { return s.res.Framing }

// Next implements executor.Stream.
func (s *channelStream) Next() ([]byte, error) {
	select {
	case chunk, open := <-s.res.Chunks:
		if !open {
			// An executor whose context ends closes the channel in the middle,
			// which is no end: it would be marked as a success.
			if err := s.ctx.Err(); err != nil {
				return nil, err
			}
			return nil, io.EOF
		}
		return chunk.Payload, chunk.Err
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
}

// Close implements executor.Stream: it waits until the executor has closed the
// channel, as it must when its context ends.
func (s *channelStream) Close() error {
	for range s.res.Chunks {
		// What still comes is dropped.
	}
	return nil
}
