package driver

import (
	"fmt"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/wire"
)

// held are payloads that a guest keeps back, so that a failure that shows only
// within a stream can still be answered by another credential. The zero value
// holds nothing.
type held struct {
	framed []byte
	until  time.Time
	spent  bool // a limit was passed: nothing is held any more
}

// give adds one payload for the client, framed. A payload that is held, and
// those behind it, wait for one that is not, or for a limit.
func (a *attempt) give(payload []byte, hold bool) {
	if !hold || a.held.spent {
		a.letGo()
		a.out = wire.AppendEvent(a.out, a.format, payload)
		return
	}
	if len(a.held.framed) == 0 {
		a.held.until = time.Now().Add(abi.MaxHoldTime)
	}
	a.held.framed = wire.AppendEvent(a.held.framed, a.format, payload)
	if len(a.held.framed) > abi.MaxHold {
		a.overHeld()
	}
}

// letGo gives what was held.
func (a *attempt) letGo() {
	a.out = append(a.out, a.held.framed...)
	a.held.framed = nil
}

// overHeld ends all holding, since a limit was passed.
func (a *attempt) overHeld() {
	a.letGo()
	a.held.spent = true
}

// store are the host buffers of an attempt, for what grows from event to event.
// A guest cannot read them.
type store struct {
	texts map[string][]byte
	size  int // of names and texts together
}

// add appends to a buffer, which need not be there, and reports false when all
// of them together would pass the limit.
func (s *store) add(name string, data []byte) bool {
	old, known := s.texts[name]
	more := len(data)
	if !known {
		more += len(name)
	}
	if s.size+more > abi.MaxBuffer {
		return false
	}
	if s.texts == nil {
		s.texts = map[string][]byte{}
	}
	s.size += more
	s.texts[strings.Clone(name)] = append(old, data...)
	return true
}

// take empties a buffer and returns what was in it.
func (s *store) take(name string) []byte {
	text, known := s.texts[name]
	if known {
		s.size -= len(name) + len(text)
		delete(s.texts, name)
	}
	return text
}

// buffer performs append, flush and drop.
func (a *attempt) buffer(op abi.Op, act *abi.Action) error {
	switch act.Which {
	case abi.ActionIsAppend:
		if !a.store.add(act.Append.Buffer, act.Append.Data) {
			return a.e.fault(&abi.CallError{Plugin: a.e.manifest.ID, Op: op, Fault: abi.FaultLimit,
				Detail: fmt.Sprintf("the host buffers of the attempt would hold more than %d bytes", abi.MaxBuffer)})
		}
	case abi.ActionIsFlush:
		f := act.Flush
		text := a.store.take(f.Buffer)
		payload := make([]byte, 0, len(f.Prefix)+len(text)+len(f.Suffix))
		payload = append(append(append(payload, f.Prefix...), text...), f.Suffix...)
		a.give(payload, false)
	default:
		a.store.take(act.Drop.Buffer)
	}
	return nil
}
