package gateway

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// How many wrong keys are answered as such: so many at once, then one at a time.
// A key has 256 random bits, so nobody finds one by trying; this keeps those who
// try from costing more than they should, and tells a client with an old key to
// slow down.
const (
	guessesFromOne = 20
	oneEvery       = 6 * time.Second
	guessesFromAll = 1000
	allEvery       = 50 * time.Millisecond
	// maxGuessers bounds the addresses that are remembered, the latest to guess
	// first.
	maxGuessers = 4096
)

// guesses counts wrong keys by address and from all addresses together. It is
// asked only after a key was found wrong: a right one is never refused, from
// whatever address it comes, also from one that others guess from. The zero
// value has seen nobody; it is safe for concurrent use.
type guesses struct {
	mu sync.Mutex // guards what follows
	by map[netip.Prefix]*list.Element
	// latest has the address that guessed last in front.
	latest list.List
	all    bucket
}

type guesser struct {
	from netip.Prefix
	bucket
}

// wrong notes a wrong key from an address at now. When there were too many, it
// returns how long to wait until one is counted again; else 0.
func (g *guesses) wrong(from netip.Addr, now time.Time) time.Duration {
	key := network(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.by[key]
	if e == nil {
		if g.by == nil {
			g.by = map[netip.Prefix]*list.Element{}
		}
		if g.latest.Len() >= maxGuessers {
			delete(g.by, g.latest.Remove(g.latest.Back()).(*guesser).from)
		}
		e = g.latest.PushFront(&guesser{from: key})
		g.by[key] = e
	} else {
		g.latest.MoveToFront(e)
	}
	// One address that is over its share takes nothing from that of all.
	if wait := e.Value.(*guesser).take(guessesFromOne, oneEvery, now); wait > 0 {
		return wait
	}
	return g.all.take(guessesFromAll, allEvery, now)
}

// network is what counts as one address: of IPv6 the /64, since a host has all
// of it. An unknown address counts as one too.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// bucket is a token bucket in terms of time: used is how far ahead of now its
// tokens are spent.
type bucket struct{ used time.Time }

// take takes a token, or returns how long there is none. A bucket holds n, and
// gets one back every so often. A clock that goes back gives none away.
func (b *bucket) take(n int, every time.Duration, now time.Time) time.Duration {
	start := b.used
	if start.Before(now) {
		start = now
	}
	spent := start.Add(every)
	if over := spent.Sub(now) - time.Duration(n)*every; over > 0 {
		return over
	}
	b.used = spent
	return 0
}
