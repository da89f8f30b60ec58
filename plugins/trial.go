package plugins

import (
	"time"

	"github.com/patchbay-dev/patchbay/abi"
)

// trialTime is how long a new version of a plugin is watched.
const trialTime = time.Minute

// trial decides whether a new version goes back to the one before it. It is
// pure: its methods take the time.
//
// A version fails its trial when, within its first minute, more calls of an op
// have faulted than were answered: at the first call, for one that cannot
// answer it at all. Ops are counted each by itself, since a version may list
// its models well a hundred times and then answer no request.
type trial struct {
	until time.Time
	ops   map[abi.Op]*[2]int // answered, faulted
}

func newTrial(now time.Time) *trial {
	return &trial{until: now.Add(trialTime), ops: map[abi.Op]*[2]int{}}
}

func (t *trial) over(now time.Time) bool { return !now.Before(t.until) }

func (t *trial) of(op abi.Op) *[2]int {
	n := t.ops[op]
	if n == nil {
		n = new([2]int)
		t.ops[op] = n
	}
	return n
}

func (t *trial) answered(op abi.Op) { t.of(op)[0]++ }

// fault takes in a fault and says whether the version failed.
func (t *trial) fault(op abi.Op) (failed bool) {
	n := t.of(op)
	n[1]++
	return n[1] > n[0]
}

// broke takes in that an answer, which was counted as one, broke the contract.
func (t *trial) broke(op abi.Op) (failed bool) {
	if n := t.of(op); n[0] > 0 {
		n[0]--
	}
	return t.fault(op)
}
