package abi

import "context"

// Guest is something that answers ops: a sandboxed module of either tier, or a
// provider that is linked into the binary. Implementations are safe for
// concurrent use, keep nothing between two calls, and hold no reference to
// input or dst after Call returned.
type Guest interface {
	// Call performs one op. Input is the binary encoding (AppendMessage) of
	// the op's input message, at most MaxInput bytes. Call appends the binary
	// encoding of the guest's ActionList, at most MaxOutput bytes, to dst and
	// returns the result, which belongs to the caller. It is what the guest
	// wrote: callers read it with DecodeStrict.
	//
	// A call ends at the earlier of ctx's deadline and the guest's own limit.
	// Every error is a *CallError; dst is then returned unchanged.
	Call(ctx context.Context, op Op, input, dst []byte) ([]byte, error)
}
