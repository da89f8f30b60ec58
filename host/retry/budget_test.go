package retry_test

import (
	"testing"

	"github.com/patchbay-dev/patchbay/host/retry"
)

func spendAll(b *retry.Budget, most int) (n int) {
	for n < most && b.Spend() {
		n++
	}
	return n
}

func TestBudget(t *testing.T) {
	var free retry.Budget
	if n := spendAll(&free, 1000); n != 1000 {
		t.Errorf("the zero value stopped after %d", n)
	}
	var b retry.Budget
	b.Set(20, 100)
	if n := spendAll(&b, 1000); n != 100 {
		t.Errorf("%d at first, want the burst of 100", n)
	}
	for range 4 {
		b.Earn()
	}
	if b.Spend() {
		t.Error("four requests paid for a call")
	}
	b.Earn()
	if !b.Spend() || b.Spend() {
		t.Error("five requests pay for one call")
	}
	for range 10_000 {
		b.Earn()
	}
	if n := spendAll(&b, 1000); n != 100 {
		t.Errorf("%d after a long rest, want the burst of 100", n)
	}
	b.Set(-1, -1)
	if n := spendAll(&b, 1000); n != 1000 {
		t.Errorf("no percent stopped after %d", n)
	}
}
