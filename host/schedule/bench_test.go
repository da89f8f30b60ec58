package schedule

import (
	"fmt"
	"testing"
)

func TestPickAllocatesNothing(t *testing.T) {
	for _, n := range []int{10, 100_000} {
		x := filled(n)
		for _, providers := range [][]string{{"p"}, {"p", "q"}} {
			q := Query{Providers: providers, Model: "m", Now: start}
			x.Pick(q, nil)
			allocs := testing.AllocsPerRun(200, func() {
				var tried Tried[int]
				for range 8 {
					x.Pick(q, &tried)
				}
			})
			if allocs != 0 {
				t.Errorf("%d members, %d providers: %v allocations", n, len(providers), allocs)
			}
		}
	}
}

func filled(n int) *Index[int] {
	x := New[int](nil)
	all := make([]Member[int], 0, n+4)
	for i := range n {
		all = append(all, Member[int]{ID: fmt.Sprintf("id-%06d", i), Value: i, Provider: "p", Seats: seats("m")})
	}
	for i := range 4 {
		all = append(all, Member[int]{ID: fmt.Sprintf("q-%d", i), Value: i, Provider: "q", Seats: seats("m")})
	}
	x.Replace(all)
	return x
}

func BenchmarkPick(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		x := filled(n)
		one := Query{Providers: []string{"p"}, Model: "m", Now: start}
		mixed := Query{Providers: []string{"p", "q"}, Model: "m", Now: start}
		fill := Query{Providers: []string{"p"}, Model: "m", Now: start, Order: FillFirst}
		for name, q := range map[string]Query{"round-robin": one, "mixed": mixed, "fill-first": fill} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					var tried Tried[int]
					x.Pick(q, &tried)
				}
			})
		}
		b.Run(fmt.Sprintf("parallel/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					x.Pick(one, nil)
				}
			})
		})
	}
}
