package schedule

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// forget undoes add, so that a benchmark can go on.
func (t *Tried[V]) forget(m *member[V]) {
	if _, ok := t.many[m]; ok {
		delete(t.many, m)
		return
	}
	t.n--
}

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

// BenchmarkPickState is a pick when all, one or none of the members are ready,
// and while another processor blocks and frees them.
func BenchmarkPickState(b *testing.B) {
	blocked := Seat{Model: "m", State: State{Blocked: true}}
	for _, n := range []int{10, 100_000} {
		q := Query{Providers: []string{"p"}, Model: "m", Now: start}
		run := func(name string, x *Index[int]) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					var tried Tried[int]
					x.Pick(q, &tried)
				}
			})
		}
		x := filled(n)
		run("all", x)
		done := make(chan struct{})
		var marks sync.WaitGroup
		marks.Go(func() {
			for i := 0; ; i = (i + 7919) % n {
				select {
				case <-done:
					return
				default:
				}
				id := fmt.Sprintf("id-%06d", i)
				x.Set(id, blocked)
				x.Set(id, Seat{Model: "m"})
			}
		})
		run("marked", x)
		close(done)
		marks.Wait()
		for i := range n - 1 {
			x.Set(fmt.Sprintf("id-%06d", i), blocked)
		}
		run("one", x)
		x.Set(fmt.Sprintf("id-%06d", n-1), blocked)
		run("none", x)
	}
}

// BenchmarkArrive is a member that comes and goes among others, and the pick that
// follows each.
func BenchmarkArrive(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		x := filled(n)
		q := Query{Providers: []string{"p"}, Model: "m", Now: start}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				x.Put(Member[int]{ID: "id-000005+", Provider: "p", Seats: seats("m")})
				x.Pick(q, nil)
				x.Remove("id-000005+")
				x.Pick(q, nil)
			}
		})
	}
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

// BenchmarkPickTried is a pick of a request that has tried so many already.
func BenchmarkPickTried(b *testing.B) {
	x := filled(100_000)
	q := Query{Providers: []string{"p"}, Model: "m", Now: start}
	for _, n := range []int{1, 9, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			var tried Tried[int]
			for range n {
				x.Pick(q, &tried)
			}
			for b.Loop() {
				p, _ := x.Pick(q, &tried)
				tried.forget(p.m)
			}
		})
	}
}

// BenchmarkSoonest is what it costs to see whether another round may help.
func BenchmarkSoonest(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		x := filled(n)
		for i := range n {
			x.Set(fmt.Sprintf("id-%06d", i), Seat{Model: "m", State: until(time.Duration(i%50) * time.Second)})
		}
		q := Query{Providers: []string{"p", "q"}, Model: "m", Now: start}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var room [64]int
				x.Soonest(q, start.Add(time.Minute), room[:0])
			}
		})
	}
}
