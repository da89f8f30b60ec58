package guest

import "github.com/patchbay-dev/patchbay/abi"

// Batch is some events of a stream that were there together, in order. It, and
// what it holds, is valid until the function that got it returns.
type Batch struct {
	call
	// Step is the label that Send.Step gave the stream.
	Step string
	// Events are complete: framing, decompression and the splitting of
	// characters are behind them. There may be none.
	Events []Event
	// EOF says whether the stream ended with these events, and how.
	EOF abi.Eof
}

// Ended reports whether no events follow.
func (b *Batch) Ended() bool { return b.EOF > abi.EOFNone }

// More waits for further events. When there are none to come, it ends a stream
// that ended cleanly and fails one that broke off.
func (b *Batch) More() Answer {
	switch b.EOF {
	case abi.EOFClean:
		return b.End()
	case abi.EOFReset, abi.EOFIdle:
		return b.Broken()
	}
	return Answer{abi.Action{Which: abi.ActionIsWait, Wait: &abi.Wait{}}}
}

// Broken fails a stream that ended before it was complete.
func (b *Batch) Broken() Answer {
	message := "the upstream closed the stream before it was complete"
	switch b.EOF {
	case abi.EOFReset:
		message = "the upstream broke the stream off"
	case abi.EOFIdle:
		message = "the upstream sent nothing for too long"
	}
	return b.Fail(Fail{Code: CodeStreamBroken, Message: message, Retryable: true})
}

// Pass lets the rest of the stream go to the client untouched. Provider.Events
// is not called again.
func (b *Batch) Pass() Answer {
	return Answer{abi.Action{Which: abi.ActionIsPass, Pass: &abi.Pass{}}}
}
