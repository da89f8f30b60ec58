package schedule

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func seats(models ...string) []Seat {
	var out []Seat
	for _, m := range models {
		out = append(out, Seat{Model: m})
	}
	return out
}

func until(d time.Duration) State { return State{Blocked: true, Until: start.Add(d)} }

func picks(x *Index[string], q Query, n int) []string {
	var out []string
	for range n {
		p, ok := x.Pick(q, nil)
		if !ok {
			p.Value = "-"
		}
		out = append(out, p.Value)
	}
	return out
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// TestIndexAnswersLikeTheOracle drives the index and a naive model with the same
// random steps. Equal answers hold the invariants of the design that are the
// index's: what can be picked is what the model says (I1, I3), nothing is missed
// (I4), and a failed pick moves no cursor (I13). checkBits holds summaries (I2)
// and heaps (I10) after each step. The others: I5 TestConcurrentPicksAreFair and
// TestI05NobodyWaitsLong; I12 TestPickAllocatesNothing; both also while marks run.
// I6 to I9, I11 and I14 are tests of those names in package host.
func TestIndexAnswersLikeTheOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, o := New[string](nil), newOracle()
		now := start
		var flying []Picked[string]
		ids := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
		models := rapid.SampledFrom([]string{"m", "n"})
		provider := rapid.SampledFrom([]string{"p", "q"})
		state := rapid.Custom(func(t *rapid.T) State {
			switch rapid.IntRange(0, 6).Draw(t, "state") {
			case 3:
				return State{Blocked: rapid.Bool().Draw(t, "blocked"), Until: now.Add(time.Duration(rapid.IntRange(-2, 5).Draw(t, "s")) * time.Second), Probe: true}
			case 2:
				return State{Off: true, Blocked: rapid.Bool().Draw(t, "blocked"), Until: now}
			case 0:
				return State{Blocked: true, Until: now.Add(time.Duration(rapid.IntRange(-2, 5).Draw(t, "s")) * time.Second), Quota: rapid.Bool().Draw(t, "quota")}
			case 1:
				return State{Blocked: true}
			}
			return State{}
		})
		draw := func(t *rapid.T, id string) Member[string] {
			m := Member[string]{ID: id, Value: id, Provider: provider.Draw(t, "provider"), Priority: rapid.IntRange(-1, 1).Draw(t, "priority")}
			m.Weight = rapid.SampledFrom([]int{0, 1, 1, 2, 5, 100, 7000}).Draw(t, "weight")
			m.Group = rapid.SampledFrom([]string{"", "one", "two", "two", "three"}).Draw(t, "group")
			m.Socket = rapid.Bool().Draw(t, "socket")
			m.Rounds = rapid.SampledFrom([]int{-1, -1, 0, 1, 200}).Draw(t, "rounds")
			m.Limit = rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "limit")
			for _, name := range []string{"m", "n"} {
				if rapid.Bool().Draw(t, name) {
					m.Seats = append(m.Seats, Seat{Model: name, State: state.Draw(t, "st")})
				}
			}
			return m
		}
		set := func(m Member[string]) {
			m.Seats = slices.Clone(m.Seats)
			o.members[m.ID] = m
		}
		query := func(t *rapid.T) Query {
			q := Query{Model: models.Draw(t, "model"), Now: now, Order: rapid.SampledFrom([]Order{RoundRobin, FillFirst, Weighted}).Draw(t, "order"), ProbeInterval: 2 * time.Second}
			q.Providers = rapid.SampledFrom([][]string{{"p"}, {"q"}, {"p", "q"}, {"q", "p"}, {"none", "p"}}).Draw(t, "providers")
			q.Round, q.Rounds = max(rapid.IntRange(-3, 2).Draw(t, "round"), 0), rapid.IntRange(0, 2).Draw(t, "of")
			q.Socket = rapid.IntRange(0, 3).Draw(t, "socket") == 0
			if rapid.IntRange(0, 5).Draw(t, "pinned") == 0 {
				q.Pin = ids.Draw(t, "pin")
			}
			return q
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				m := draw(t, ids.Draw(t, "id"))
				set(m)
				x.Put(m)
				o.forget()
			},
			"remove": func(t *rapid.T) {
				id := ids.Draw(t, "id")
				delete(o.members, id)
				delete(o.flying, id)
				x.Remove(id)
				o.forget()
			},
			"replace": func(t *rapid.T) {
				var all []Member[string]
				for _, id := range []string{"a", "c", "e"} {
					all = append(all, draw(t, id))
				}
				x.Replace(all)
				for _, id := range []string{"b", "d", "f"} {
					delete(o.members, id)
					delete(o.flying, id)
				}
				o.forget()
				for _, m := range all {
					set(m)
					o.forget()
				}
			},
			"set": func(t *rapid.T) {
				id, model, st := ids.Draw(t, "id"), models.Draw(t, "model"), state.Draw(t, "st")
				if m, ok := o.members[id]; ok {
					for i := range m.Seats {
						if m.Seats[i].Model == model {
							m.Seats[i].State = st
						}
					}
				}
				x.Set(id, Seat{Model: model, State: st})
			},
			"pass": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "s")) * time.Second)
			},
			"request": func(t *rapid.T) {
				q := query(t)
				var tried Tried[string]
				seen := map[string]bool{}
				for range rapid.IntRange(1, 7).Draw(t, "n") {
					p, gotOK := x.Pick(q, &tried)
					got, gotProbe := p.Value, p.Probe
					want, wantOK := o.pick(q, seen)
					wantProbe := wantOK && o.picked(want, q)
					if got != want || gotOK != wantOK || gotProbe != wantProbe {
						t.Fatalf("pick %+v after %v: got %q %v %v, want %q %v %v", q, seen, got, gotProbe, gotOK, want, wantProbe, wantOK)
					}
					if gotOK {
						seen[got] = true
						flying = append(flying, p)
						o.flying[got]++
					}
				}
				if tried.Len() != len(seen) {
					t.Fatalf("tried %d, want %d", tried.Len(), len(seen))
				}
			},
			"release": func(t *rapid.T) {
				if len(flying) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(flying)-1).Draw(t, "i")
				p := flying[i]
				flying = slices.Delete(flying, i, i+1)
				x.Release(p)
				if x.members[p.Value] == p.m { // not one that was removed since
					o.flying[p.Value]--
				}
				if n, limit := x.InFlight(p.Value); n != o.flying[p.Value] || limit != o.members[p.Value].Limit {
					t.Fatalf("%s: %d of %d in flight, want %d of %d", p.Value, n, limit, o.flying[p.Value], o.members[p.Value].Limit)
				}
			},
			"survey": func(t *rapid.T) {
				q := query(t)
				want := surveyOf(o, q)
				if got := x.Survey(q); got != want {
					t.Fatalf("survey %+v: got %+v, want %+v", q, got, want)
				}
				all := x.Candidates(q, nil)
				if got := len(all); got != want.Total-want.Off {
					t.Fatalf("candidates %+v: got %d, want %d", q, got, want.Total-want.Off)
				}
				for _, c := range all {
					if !c.Probe {
						continue
					}
					p, took := x.Claim(q, c)
					if took != p.Probe || !took && !q.Now.Before(o.pace[q.Model]) {
						t.Fatalf("candidate %s is there for a probe, and was taken %v", c.ID, took)
					}
					if took {
						o.picked(c.ID, q)
						o.flying[c.ID]++
						flying = append(flying, p)
					}
				}
				if got := len(x.Listed(q, 3)); got != min(want.Total, 3) {
					t.Fatalf("listed %+v: got %d, want %d", q, got, min(want.Total, 3))
				}
			},
			"soonest": func(t *rapid.T) {
				q := query(t)
				q.Pin = ""
				by := now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "by")) * time.Second)
				got, _ := x.Soonest(q, by, make([]string, 0, 64))
				for id, m := range o.members {
					must, may := false, false
					for _, s := range m.Seats {
						if s.Model == q.Model && slices.Contains(q.Providers, m.Provider) && !s.State.Off && o.allows(id, q) {
							may = open(s.State, now) || !s.State.Until.IsZero() && !s.State.Until.After(by)
							must = may && (!open(s.State, now) || o.may(s.State, q) && !o.full(id))
						}
					}
					if in := slices.Contains(got, id); must && !in || in && !may {
						t.Fatalf("soonest %+v by %s: got %v; %s must %v, may %v", q, by, got, id, must, may)
					}
				}
			},
			"providers": func(t *rapid.T) {
				model := models.Draw(t, "model")
				var want []string
				for _, m := range o.members {
					if slices.ContainsFunc(m.Seats, func(s Seat) bool { return s.Model == model }) {
						want = append(want, m.Provider)
					}
				}
				slices.Sort(want)
				if got := x.Providers(model); !slices.Equal(got, slices.Compact(want)) {
					t.Fatalf("providers of %s: got %v, want %v", model, got, want)
				}
			},
			"": func(t *rapid.T) { checkBits(t, x) },
		})
	})
}

func surveyOf(o *oracle, q Query) Survey {
	var want Survey
	for id, m := range o.members {
		if !slices.Contains(q.Providers, m.Provider) || q.Pin != "" && q.Pin != id {
			continue
		}
		for _, s := range m.Seats {
			if s.Model != q.Model {
				continue
			}
			want.Total++
			if s.State.Off {
				want.Off++
				continue
			}
			if o.full(id) && open(s.State, q.Now) {
				continue
			}
			if o.may(s.State, q) {
				want.Ready++
				continue
			}
			if open(s.State, q.Now) {
				if next := o.pace[q.Model]; want.Earliest.IsZero() || next.Before(want.Earliest) {
					want.Earliest = next
				}
				continue
			}
			if s.State.Until.IsZero() {
				continue
			}
			if s.State.Quota {
				want.Quota++
			}
			if want.Earliest.IsZero() || s.State.Until.Before(want.Earliest) {
				want.Earliest = s.State.Until
			}
		}
	}
	return want
}

// checkBits holds I1, I2 and I10: tracks, summaries, counts and heaps agree with
// the seats, and every waiting seat is in its heap once.
func checkBits(t *rapid.T, x *Index[string]) {
	for key, sh := range x.shelves {
		for _, l := range sh.lanes {
			count, nwaiting, nquota, noff, n := make([]int, 2*len(l.classes)), 0, 0, 0, 0
			for _, b := range l.row.blocks {
				for i, s := range b.items {
					n++
					if s.where.block != b || s.where.at != i {
						t.Fatalf("%v seat %s is not where it thinks in the row", key, s.owner.id)
					}
					may := (s.place == ready || s.place == half) && !s.owner.full
					if s.shown != may {
						t.Fatalf("%v seat %s: shown %v, want %v", key, s.owner.id, s.shown, may)
					}
					for track := range l.row.tops {
						if in := b.bits[track].has(i); in != (may && s.track() == track) {
							t.Fatalf("%v seat %s: track %d is %v, place %d", key, s.owner.id, track, in, s.place)
						}
					}
					if may {
						count[s.track()]++
					}
					if s.place == waiting {
						nwaiting++
						if l.waiting[s.at] != s {
							t.Fatalf("%v seat %s is not where it thinks in the heap", key, s.owner.id)
						}
					}
					if s.quota {
						nquota++
					}
					if s.off {
						noff++
					}
				}
			}
			for track := range count {
				if track < len(l.count) && l.count[track] != count[track] || track >= len(l.count) && count[track] != 0 {
					t.Fatalf("%v counts %v, want %v", key, l.count, count)
				}
			}
			if l.row.size != n || len(l.waiting) != nwaiting || l.nquota != nquota || l.noff != noff {
				t.Fatalf("%v has %d/%d/%d/%d, want %d/%d/%d/%d", key, l.row.size, len(l.waiting), l.nquota, l.noff, n, nwaiting, nquota, noff)
			}
			for track, top := range l.row.tops {
				for i, b := range l.row.blocks {
					if top.next(i) == i != (b.bits[track] != words{}) {
						t.Fatalf("%v summary of block %d in track %d is wrong", key, i, track)
					}
				}
			}
		}
	}
}

func TestBitmapFindsWhatASliceFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 70_000).Draw(t, "size")
		b := newBitmap(size)
		set := map[int]bool{}
		pos := rapid.IntRange(0, size-1)
		for range rapid.IntRange(0, 40).Draw(t, "n") {
			i := pos.Draw(t, "i")
			if rapid.IntRange(0, 3).Draw(t, "clear") == 0 {
				b.clear(i)
				delete(set, i)
			} else {
				b.set(i)
				set[i] = true
			}
		}
		from := rapid.IntRange(0, size).Draw(t, "from")
		want := -1
		for i := range set {
			if i >= from && (want < 0 || i < want) {
				want = i
			}
		}
		if got := b.next(from); got != want {
			t.Fatalf("next(%d) = %d, want %d", from, got, want)
		}
	})
}

func TestCursorSurvivesChurn(t *testing.T) {
	x := New[string](nil)
	for _, id := range []string{"a", "b", "c", "d"} {
		x.Put(Member[string]{ID: id, Value: id, Provider: "p", Seats: seats("m")})
	}
	q := Query{Providers: []string{"p"}, Model: "m", Now: start}
	expect(t, picks(x, q, 2), "a", "b")
	x.Remove("a")
	x.Put(Member[string]{ID: "bb", Value: "bb", Provider: "p", Seats: seats("m")})
	expect(t, picks(x, q, 4), "bb", "c", "d", "b")
}

func TestManyDeadlinesAtOnceAreAllWoken(t *testing.T) {
	x := New[string](nil)
	const n = 3*promoteBatch + 7
	for i := range n {
		id := fmt.Sprintf("%05d", i)
		x.Put(Member[string]{ID: id, Value: id, Provider: "p", Seats: []Seat{{Model: "m", State: until(time.Second)}}})
	}
	q := Query{Providers: []string{"p"}, Model: "m", Now: start.Add(time.Second)}
	var tried Tried[string]
	for i := range n {
		if _, ok := x.Pick(q, &tried); !ok {
			t.Fatalf("pick %d found nothing", i)
		}
	}
	if p, ok := x.Pick(q, &tried); ok {
		t.Fatalf("picked %q twice", p.Value)
	}
}

func TestUnknownModelsLeaveNoTrace(t *testing.T) {
	x := New[string](nil)
	x.Put(Member[string]{ID: "a", Provider: "p", Seats: seats("m")})
	for i := range 10 {
		x.Pick(Query{Providers: []string{"p", "q"}, Model: fmt.Sprint("x", i), Now: start}, nil)
	}
	if len(x.shelves) != 1 || len(x.mixed.byKey) != 0 {
		t.Fatalf("%d shelves and %d mixed cursors", len(x.shelves), len(x.mixed.byKey))
	}
}

func TestMixedCursorsAreBounded(t *testing.T) {
	var c mixedCursors
	of := func(provider string) *mixedCursor {
		cur := c.find([]string{provider}, "m")
		if cur == nil {
			cur = c.add()
		}
		c.use(cur)
		return cur
	}
	kept := of("kept")
	for i := range maxMixedCursors + 100 {
		of(fmt.Sprint("p", i))
		if of("kept") != kept {
			t.Fatal("a cursor in use was dropped")
		}
	}
	if len(c.byKey) != maxMixedCursors {
		t.Fatalf("%d cursors", len(c.byKey))
	}
}

// TestI05NobodyWaitsLong: while others come, go and are blocked, a member that is
// ready throughout waits no longer than twice as many picks as there are turns,
// whatever the order, and over a stable set each has exactly its turns.
func TestI05NobodyWaitsLong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := New[string](nil)
		order := rapid.SampledFrom([]Order{RoundRobin, Weighted}).Draw(t, "order")
		weights := map[string]int{}
		turns := 0
		for i := range rapid.IntRange(2, 6).Draw(t, "n") {
			id := fmt.Sprint("id-", i)
			weights[id] = rapid.IntRange(1, 7).Draw(t, "weight")
			turns += 7
			x.Put(Member[string]{ID: id, Value: id, Provider: "p", Weight: weights[id], Seats: seats("m")})
		}
		q := Query{Providers: []string{"p"}, Model: "m", Now: start, Order: order}
		waited := 0
		for range 300 {
			p, ok := x.Pick(q, nil)
			if waited++; !ok || waited > 2*turns {
				t.Fatalf("id-0 waits for %d picks of %d turns", waited, turns)
			}
			if p.Value == "id-0" {
				waited = 0
			}
			id := fmt.Sprint("id-", rapid.IntRange(1, len(weights)-1).Draw(t, "id"))
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				x.Remove(id)
			case 1:
				x.Put(Member[string]{ID: id, Value: id, Provider: "p", Weight: weights[id], Seats: seats("m")})
			case 2:
				x.Set(id, Seat{Model: "m", State: State{Blocked: true}})
			}
		}
		total := 0
		for id, w := range weights {
			x.Put(Member[string]{ID: id, Value: id, Provider: "p", Weight: w, Seats: seats("m")})
			if order == RoundRobin {
				weights[id] = 1
			}
			total += weights[id]
		}
		got := map[string]int{}
		for range 3 * total {
			p, _ := x.Pick(q, nil)
			got[p.Value]++
		}
		for id, w := range weights {
			if got[id] != 3*w {
				t.Fatalf("%v picks of weights %v", got, weights)
			}
		}
	})
}

// TestI05NobodyWaitsLongWhileMarksRun is the same while another processor blocks
// and frees all the others.
func TestI05NobodyWaitsLongWhileMarksRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 300).Draw(t, "n")
		x := New[string](nil)
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprintf("id-%04d", i)
			x.Put(Member[string]{ID: ids[i], Value: ids[i], Provider: "p", Seats: seats("m")})
		}
		always := rapid.SampledFrom(ids).Draw(t, "always")
		stop := marking(x, ids, always)
		defer stop()
		q := Query{Providers: []string{"p"}, Model: "m", Now: start}
		for waited, i := 0, 0; i < 5*n; i++ {
			p, ok := x.Pick(q, nil)
			if waited++; !ok || waited > 2*n {
				t.Fatalf("%s waits for %d picks among %d, found %v", always, waited, n, ok)
			}
			if p.Value == always {
				waited = 0
			}
		}
	})
}

// marking blocks and frees members, all but one, until stop.
func marking[V any](x *Index[V], ids []string, but string) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	blocked, free := []Seat{{Model: "m", State: until(time.Hour)}}, []Seat{{Model: "m"}}
	wg.Go(func() {
		for i := 0; ; i = (i + 7919) % (2 * len(ids)) {
			select {
			case <-done:
				return
			default:
			}
			if id := ids[i/2]; id != but && i%2 == 0 {
				x.Set(id, blocked...)
			} else if id != but {
				x.Set(id, free...)
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

// TestI12PicksAllocateNothingWhileMarksRun counts what the whole process
// allocates, so that some of the runtime's own is in it.
func TestI12PicksAllocateNothingWhileMarksRun(t *testing.T) {
	for _, n := range []int{10, 100_000} {
		x := filled(n)
		ids := make([]string, n)
		for i := range ids {
			ids[i] = fmt.Sprintf("id-%06d", i)
		}
		for _, id := range ids { // so that the heap of those that wait is as large as it gets
			x.Set(id, Seat{Model: "m", State: until(time.Hour)})
		}
		stop := marking(x, ids, "")
		const picks = 20_000
		q := Query{Providers: []string{"p", "q"}, Model: "m", Now: start}
		x.Pick(q, nil)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range picks {
			var tried Tried[int]
			x.Pick(q, &tried)
		}
		runtime.ReadMemStats(&after)
		stop()
		if extra := after.Mallocs - before.Mallocs; extra > picks/100 {
			t.Errorf("among %d, %d picks allocate %d times", n, picks, extra)
		}
	}
}

func TestConcurrentPicksAreFair(t *testing.T) {
	x := New[string](nil)
	for _, id := range []string{"a", "b", "c", "d"} {
		x.Put(Member[string]{ID: id, Value: id, Provider: "p", Seats: seats("m")})
	}
	var mu sync.Mutex
	total := map[string]int{}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			mine := map[string]int{}
			for range 1000 {
				p, _ := x.Pick(Query{Providers: []string{"p"}, Model: "m", Now: start}, nil)
				mine[p.Value]++
			}
			mu.Lock()
			defer mu.Unlock()
			for id, n := range mine {
				total[id] += n
			}
		})
	}
	wg.Wait()
	for _, id := range []string{"a", "b", "c", "d"} {
		if total[id] != 25_000 {
			t.Fatalf("counts %v", total)
		}
	}
}
