package guest

import (
	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/sdk-guest/jsonspan"
)

// call is what all ops have: what was said so far, and the attempt's state.
type call struct {
	plugin   *Plugin
	provider *Provider
	setup    *Setup
	state    state
	// actions are those before the terminal one.
	actions []abi.Action
	// chunks is what the last action emits while that is a Chunks, first the
	// memory of the first of them.
	chunks *abi.Chunks
	first  abi.Chunks
	// sent is the memory of the first Send.
	sent *Send
	// arena holds payloads that were made in Scratch.
	arena []byte
}

const (
	arenaSize  = 16 << 10
	minScratch = 1 << 10
)

// reset makes c ready for another call and drops every reference to this one.
func (c *call) reset() {
	clear(c.actions)
	clear(c.first.Payloads)
	if c.sent != nil && c.sent.call != nil {
		*c.sent = Send{}
	}
	*c = call{
		actions: c.actions[:0],
		first:   abi.Chunks{Payloads: c.first.Payloads[:0]},
		arena:   c.arena[:0],
		sent:    c.sent,
		state:   c.state.reset(),
	}
}

// Setup returns what the host said when the instance started.
func (c *call) Setup() *Setup { return c.setup }

// Config returns the value at path in the plugin's configuration; see
// Setup.Config.
func (c *call) Config(path ...string) jsonspan.Value { return c.setup.Config(path...) }

// Keep stores a value for the later calls of this attempt, which read it with
// Kept. An empty value removes it. All names and values together may take 16
// KiB.
func (c *call) Keep(name, value string) { c.state.set(name, value) }

// KeepInt stores a number; see Keep.
func (c *call) KeepInt(name string, n int64) { c.state.setInt(name, n) }

// Kept returns what an earlier call of this attempt stored, or this one, and
// "" when there is none.
func (c *call) Kept(name string) string { return c.state.get(name) }

// KeptInt returns a number that KeepInt stored, 0 when there is none.
func (c *call) KeptInt(name string) int64 { return c.state.getInt(name) }

// Scratch returns an empty slice to append one payload to, which Emit takes.
// It spares an allocation for each. Emit the payload before the next Scratch.
func (c *call) Scratch() []byte {
	if cap(c.arena)-len(c.arena) < minScratch {
		c.arena = make([]byte, 0, arenaSize)
	}
	return c.arena[len(c.arena):]
}

// Emit gives payloads to the client, in the attempt's format and without
// transport framing. It holds them until the call ends.
func (c *call) Emit(payloads ...[]byte) {
	if c.chunks == nil {
		if c.chunks = &c.first; len(c.first.Payloads) > 0 {
			c.chunks = &abi.Chunks{}
		}
		c.actions = append(c.actions, abi.Action{Which: abi.ActionIsChunks, Chunks: c.chunks})
	}
	for _, payload := range payloads {
		c.chunks.Payloads = append(c.chunks.Payloads, payload)
		c.claim(payload)
	}
}

// claim keeps Scratch from giving out the memory of payload again. A payload
// that outgrew the arena has memory of its own.
func (c *call) claim(payload []byte) {
	free := c.arena[len(c.arena):cap(c.arena)]
	if len(free) > 0 && len(payload) > 0 && &free[0] == &payload[0] {
		c.arena = c.arena[:len(c.arena)+len(payload)]
	}
}

// Usage tells what the attempt used.
func (c *call) Usage(u Usage) {
	c.say(abi.Action{Which: abi.ActionIsUsage, Usage: &u})
}

// Hint tells of a limit that a success showed.
func (c *call) Hint(h Hint) {
	c.say(abi.Action{Which: abi.ActionIsHint, Hint: &h})
}

func (c *call) say(a abi.Action) {
	c.chunks = nil
	c.actions = append(c.actions, a)
}

// Fail ends the attempt with an error.
func (c *call) Fail(f Fail) Answer { return failed(&f) }

// End says that the stream is complete.
func (c *call) End() Answer {
	return Answer{abi.Action{Which: abi.ActionIsEnd, End: &abi.End{}}}
}
