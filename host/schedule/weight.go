package schedule

// maxWeight is the highest weight, and the number of rounds in which the
// weighted order comes back to where it began.
const maxWeight = 100

// The weighted order goes through rounds 1 to maxWeight. In each, those who have
// a turn in it take it in the order of their ids; a weight of w has w turns,
// spread over the rounds as evenly as whole numbers allow. So there is nothing to
// remember but the round and the last id: over all rounds each has exactly w
// picks, whatever happened before, and nobody waits for more than that. Equal
// weights have the same rounds, which makes them plain round robin.

// turnIn reports whether a weight has a turn in a round.
func turnIn(weight, round int) bool {
	return round*weight/maxWeight > (round-1)*weight/maxWeight
}

// turnAfter returns the first round after a given one in which a weight has a
// turn, counting on beyond maxWeight.
func turnAfter(weight, round int) int {
	turns := round*weight/maxWeight + 1
	return (turns*maxWeight + weight - 1) / weight
}

// weighted returns the seat whose turn it is and its round.
func (l *lane[V]) weighted(tried *Tried[V], f filter) (*seat[V], int) {
	round := l.round
	if round > 0 {
		f.round = round
		if s := l.find(l.cur.position(&l.row), -1, tried, f); s != nil {
			return s, round
		}
	}
	for range maxWeight {
		f.round = 0
		next := 0
		for t, n := range l.count {
			if c := l.classes[t/2]; n > 0 && f.wants(c, t) {
				if r := turnAfter(int(c.weight), round); next == 0 || r < next {
					next = r
				}
			}
		}
		if next == 0 {
			return nil, 0
		}
		round = (next-1)%maxWeight + 1
		f.round = round
		if s := l.find(0, -1, tried, f); s != nil {
			return s, round
		}
	}
	return nil, 0
}
