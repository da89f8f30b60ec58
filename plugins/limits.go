package plugins

import (
	"cmp"
	"fmt"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
)

// limits are what an instance of a plugin gets.
type limits struct {
	memory    int64
	call      time.Duration
	instances int
}

// limits compares what a module and its manifest ask for with what the
// operator allows.
func (h *Host) limits(x *exam) (limits, error) {
	asked := x.info.Manifest.Limits
	b := h.bounds.Load()
	l := limits{memory: b.MemoryBytes, call: b.CallTimeout, instances: b.Instances}
	if asked.MemoryBytes > l.memory {
		return limits{}, refuse("it asks for %s of memory, the operator allows %s; raise plugins.memory_bytes", size(asked.MemoryBytes), size(l.memory))
	}
	if call := time.Duration(asked.CallMS) * time.Millisecond; call > l.call {
		return limits{}, refuse("it asks for %v a call, the operator allows %v; raise plugins.call_timeout", call, l.call)
	} else if call > 0 {
		l.call = call
	}
	l.memory = cmp.Or(asked.MemoryBytes, l.memory)
	if x.info.MemoryBytes > l.memory {
		return limits{}, refuse("it begins with %s of memory, its limit is %s; raise plugins.memory_bytes, or limits.memory_bytes in its manifest", size(x.info.MemoryBytes), size(l.memory))
	}
	if asked.Instances > 0 && (l.instances == 0 || asked.Instances < l.instances) {
		l.instances = asked.Instances
	}
	return l, nil
}

// initInput is what every instance hears first.
func (h *Host) initInput(l limits, config []byte) []byte {
	return abi.AppendMessage(nil, &abi.InitInput{
		HostVersion: h.opts.HostVersion,
		ABI:         abi.Version,
		Features:    h.opts.Features,
		Limits: &abi.Limits{
			OutputBytes: abi.MaxOutput, StateBytes: abi.MaxState, WholeBytes: abi.MaxWhole,
			CallMS: uint64(l.call.Milliseconds()), Steps: abi.MaxSteps,
		},
		Config: config,
	})
}

// size spells bytes for a person.
func size(n int64) string {
	if n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", (n+1023)>>10)
}
