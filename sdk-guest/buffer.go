package guest

import "github.com/patchbay-dev/patchbay/abi"

// Append adds to a buffer that the host keeps for this attempt: for what grows
// from event to event, such as a tool's arguments, and would not fit into what
// Keep holds. All buffers together hold 8 MiB.
func (c *call) Append(buffer string, data []byte) {
	c.say(abi.Action{Which: abi.ActionIsAppend, Append: &abi.Append{Buffer: buffer, Data: data}})
}

// Flush emits a buffer as one payload, between a prefix and a suffix, and
// empties it.
func (c *call) Flush(buffer string, prefix, suffix []byte) {
	c.say(abi.Action{Which: abi.ActionIsFlush, Flush: &abi.Flush{Buffer: buffer, Prefix: prefix, Suffix: suffix}})
}

// Drop empties a buffer.
func (c *call) Drop(buffer string) {
	c.say(abi.Action{Which: abi.ActionIsDrop, Drop: &abi.Drop{Buffer: buffer}})
}

// Hold gives payloads to the host to keep back until Emit gives it another,
// the stream ends, or 30 seconds are over: as long as nothing else came, a
// failure behind them can still be answered by another credential. All that is
// held together is at most 64 KiB.
func (c *call) Hold(payloads ...[]byte) {
	c.say(abi.Action{Which: abi.ActionIsChunks, Chunks: &abi.Chunks{Payloads: payloads, Hold: true}})
	for _, payload := range payloads {
		c.claim(payload)
	}
}
