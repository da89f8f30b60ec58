package driver

import (
	"sync"

	"github.com/patchbay-dev/patchbay/host/egress"
)

// maxBases bounds the base URLs that an executor remembers: more than that many
// different ones are parsed each time.
const maxBases = 1 << 10

// base is what a destination field holds, and whether its credential may reach
// private addresses: all that its destination depends on.
type base struct {
	field, raw string
	private    bool
}

// bases remembers what base URLs that were right mean. The zero value is empty.
type bases struct {
	mu    sync.RWMutex // guards known
	known map[base]egress.Destination
}

func (b *bases) get(of base) (egress.Destination, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	dest, ok := b.known[of]
	return dest, ok
}

func (b *bases) put(of base, dest egress.Destination) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known == nil {
		b.known = map[base]egress.Destination{}
	}
	if len(b.known) < maxBases {
		b.known[of] = dest
	}
}
