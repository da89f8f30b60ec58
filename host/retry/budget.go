package retry

import "sync"

// Budget bounds the calls of a whole process that are not the first of their
// request, so that an outage is not answered with many times the load. Every
// request earns a share of such a call, and every such call, in another round
// or with another credential, costs one. The zero value allows any number. It
// is safe for concurrent use. core-decisions.md section 2, row 7.
type Budget struct {
	mu sync.Mutex // guards all below
	// percent of a call is what a request earns; 0 means no bound.
	percent int64
	// burst is how much can be saved up, and saved how much is; both in
	// hundredths of a call.
	burst, saved int64
}

// call is what a call costs, in hundredths.
const call = 100

// Set changes the bound: for every hundred requests there may be percent
// further calls, and burst of them can be saved up, which they are at first.
// No percent means any number; what is negative counts as 0.
func (b *Budget) Set(percent, burst int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.percent = int64(max(percent, 0))
	b.burst = int64(max(burst, 0)) * call
	b.saved = b.burst
}

// Earn counts a request.
func (b *Budget) Earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saved = min(b.saved+b.percent, b.burst)
}

// Spend takes a further call, or reports false when there is none left.
func (b *Budget) Spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.percent == 0 {
		return true
	}
	if b.saved < call {
		return false
	}
	b.saved -= call
	return true
}
