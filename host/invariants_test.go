package host

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// stepClock is a time that passes when a test says so.
type stepClock struct{ now atomic.Int64 }

func newStepClock() *stepClock {
	c := &stepClock{}
	c.now.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	return c
}

func (c *stepClock) Now() time.Time                                   { return time.Unix(0, c.now.Load()).UTC() }
func (c *stepClock) pass(d time.Duration)                             { c.now.Add(int64(d)) }
func (c *stepClock) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// few is a manager with some credentials, a and on, that serve models m and n.
func few(rt *rapid.T, n int) (*Manager, *stepClock, []string) {
	c := newStepClock()
	m := New(Options{Clock: c})
	m.RegisterExecutor(idle{})
	var ids []string
	for i := range n {
		id := string(rune('a' + i))
		a := &auth.Auth{ID: id, Provider: "p"}
		a.SetDeclaredModels([]string{"m", "n"})
		if _, err := m.Register(context.Background(), a); err != nil {
			rt.Fatal(err)
		}
		ids = append(ids, id)
	}
	return m, c, ids
}

// TestI06I07EntriesStayAndRevisionsGrow: what is published is never written
// again, and each publish of a credential has a higher revision.
func TestI06I07EntriesStayAndRevisionsGrow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := New(Options{})
		defer m.Close(t.Context())
		type seen struct {
			entry *entry
			text  string
		}
		var published []seen
		last := map[*slot]*entry{}
		look := func() {
			for _, s := range m.slots {
				e := s.cur.Load()
				was := last[s]
				if was == e {
					continue
				}
				if was != nil && e.rev <= was.rev {
					rt.Fatalf("revision %d follows %d", e.rev, was.rev)
				}
				last[s] = e
				published = append(published, seen{e, textOf(rt, e)})
			}
		}
		id := rapid.SampledFrom([]string{"a", "b"})
		rt.Repeat(map[string]func(*rapid.T){
			"register": func(rt *rapid.T) {
				a := &auth.Auth{ID: id.Draw(rt, "id"), Provider: "p", Metadata: map[string]any{"n": []any{rapid.Int().Draw(rt, "n")}}}
				a.SetDeclaredModels([]string{"m"})
				if _, err := m.Register(t.Context(), a); err != nil {
					rt.Fatal(err)
				}
			},
			"mark": func(rt *rapid.T) {
				res := auth.Result{AuthID: id.Draw(rt, "id"), Model: "m", Success: rapid.Bool().Draw(rt, "success")}
				if !res.Success {
					res.Error = &auth.Error{HTTPStatus: rapid.SampledFrom([]int{401, 429, 500}).Draw(rt, "status")}
				}
				m.MarkResult(t.Context(), res)
			},
			"": func(rt *rapid.T) {
				look()
				for _, p := range published {
					if now := textOf(rt, p.entry); now != p.text {
						rt.Fatalf("an entry was %s and is %s", p.text, now)
					}
				}
			},
		})
	})
}

func textOf(rt *rapid.T, e *entry) string {
	raw, err := json.Marshal(e.auth)
	if err != nil {
		rt.Fatal(err)
	}
	return fmt.Sprint(string(raw), e.rev, e.provider, e.lanes, e.quiet)
}

// TestI08LateSuccessesClearNothingNewer: a success of an attempt that began before
// a block leaves the block as it is, whatever came before.
func TestI08LateSuccessesClearNothingNewer(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m, c, ids := few(rt, 2)
		defer m.Close(context.Background())
		blocked := map[string]time.Time{} // since when, by credential and model
		id, model := rapid.SampledFrom(ids), rapid.SampledFrom([]string{"m", "n"})
		until := func(id, model string) time.Time { return m.record(id).Block(model, c.Now()).Until }
		rt.Repeat(map[string]func(*rapid.T){
			"fail": func(rt *rapid.T) {
				id, model := id.Draw(rt, "id"), model.Draw(rt, "model")
				hint := time.Duration(rapid.IntRange(1, 200).Draw(rt, "hint")) * time.Second
				status := rapid.SampledFrom([]int{429, 500, 403}).Draw(rt, "status")
				before := until(id, model)
				m.MarkResult(rt.Context(), auth.Result{AuthID: id, Model: model, RetryAfter: &hint, Started: c.Now(), Error: &auth.Error{HTTPStatus: status}})
				if !until(id, model).Equal(before) { // else it added nothing to the block that there is
					blocked[id+model] = c.Now()
				}
			},
			"succeed": func(rt *rapid.T) {
				id, model := id.Draw(rt, "id"), model.Draw(rt, "model")
				began := c.Now().Add(-time.Duration(rapid.IntRange(0, 100).Draw(rt, "ago")) * time.Second)
				before := until(id, model)
				m.MarkResult(rt.Context(), auth.Result{AuthID: id, Model: model, Success: true, Started: began})
				switch after := until(id, model); {
				case began.Before(blocked[id+model]) && !after.Equal(before):
					rt.Fatalf("a success from %s changed a block of %s from %s to %s", began, blocked[id+model], before, after)
				case !began.Before(blocked[id+model]) && !after.IsZero():
					rt.Fatalf("a success from %s left a block of %s until %s", began, blocked[id+model], after)
				}
			},
			"pass": func(rt *rapid.T) { c.pass(time.Duration(rapid.IntRange(1, 60).Draw(rt, "s")) * time.Second) },
		})
	})
}

// TestI09OneProbeAtATime: of a credential whose long block is over, one request
// at most is at a model at a time, and each lets it go, however it ends.
func TestI09OneProbeAtATime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m, c, ids := few(rt, 3)
		defer m.Close(context.Background())
		type flight struct {
			r    *request
			slot *slot
		}
		var flying []flight
		model := rapid.SampledFrom([]string{"m", "n"})
		fail := func(rt *rapid.T, id, model string) {
			m.MarkResult(rt.Context(), auth.Result{AuthID: id, Model: model, Started: c.Now(), CredentialScope: rapid.Bool().Draw(rt, "whole"), Error: &auth.Error{HTTPStatus: 403}})
		}
		rt.Repeat(map[string]func(*rapid.T){
			"block": func(rt *rapid.T) { fail(rt, rapid.SampledFrom(ids).Draw(rt, "id"), model.Draw(rt, "model")) },
			"pass":  func(rt *rapid.T) { c.pass(time.Duration(rapid.IntRange(1, 60).Draw(rt, "minutes")) * time.Minute) },
			"pick": func(rt *rapid.T) {
				r, err := m.newRequest(rt.Context(), []string{"p"}, executor.Request{Model: model.Draw(rt, "model")}, executor.Options{})
				if err != nil {
					rt.Fatal(err)
				}
				s, _, err := m.pick(rt.Context(), r)
				if err != nil {
					m.letGo(r)
					return
				}
				for _, other := range flying {
					if r.probe != nil && other.r.probe != nil && other.slot == s &&
						slices.ContainsFunc(r.probe.states, func(state string) bool { return slices.Contains(other.r.probe.states, state) }) {
						rt.Fatalf("two requests try out %s for %v", s.id, r.probe.states)
					}
				}
				flying = append(flying, flight{r, s})
			},
			"end": func(rt *rapid.T) {
				if len(flying) == 0 {
					rt.Skip()
				}
				i := rapid.IntRange(0, len(flying)-1).Draw(rt, "i")
				f := flying[i]
				flying = slices.Delete(flying, i, i+1)
				switch rapid.IntRange(0, 2).Draw(rt, "how") {
				case 0:
					fail(rt, f.slot.id, f.r.canonical)
				case 1:
					m.MarkResult(rt.Context(), auth.Result{AuthID: f.slot.id, Model: f.r.canonical, Success: true, Started: c.Now()})
				}
				m.letGo(f.r)
			},
		})
		for _, f := range flying {
			m.letGo(f.r)
		}
		for _, s := range m.slots {
			if len(s.probing) > 0 {
				rt.Fatalf("%s is still being tried out: %v", s.id, s.probing)
			}
		}
		c.pass(24 * time.Hour) // longer than any block
		for range ids {
			if _, err := m.Execute(rt.Context(), []string{"p"}, executor.Request{Model: "m"}, executor.Options{}); err != nil {
				rt.Fatalf("after all blocks: %v", err)
			}
			c.pass(time.Minute)
		}
	})
}

// TestI14NobodyWaitsForTheDisabled: the time that a client is told to wait, and
// the credentials that another round is decided by, are never of one that is
// switched off.
func TestI14NobodyWaitsForTheDisabled(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m, c, ids := few(rt, rapid.IntRange(1, 5).Draw(rt, "n"))
		defer m.Close(context.Background())
		m.SetRetryConfig(3, time.Hour, 0)
		var earliest time.Time
		on := 0
		for _, id := range ids {
			hint := time.Duration(rapid.IntRange(1, 200).Draw(rt, "hint")) * time.Second
			m.MarkResult(rt.Context(), auth.Result{AuthID: id, Model: "m", RetryAfter: &hint, Error: &auth.Error{HTTPStatus: 429}})
			if rapid.Bool().Draw(rt, "off") {
				if _, err := m.Change(rt.Context(), id, func(a *auth.Auth) error { a.Disabled = true; return nil }); err != nil {
					rt.Fatal(err)
				}
				continue
			}
			on++
			if until := c.Now().Add(hint); earliest.IsZero() || until.Before(earliest) {
				earliest = until
			}
		}
		r, err := m.newRequest(rt.Context(), []string{"p"}, executor.Request{Model: "m"}, executor.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		if got := m.index.Survey(m.query(r)).Earliest; !got.Equal(earliest) {
			rt.Fatalf("the wait ends at %s, want %s", got, earliest)
		}
		n := 0
		for candidate := range m.candidates(r, 0) {
			n++
			if candidate.Until.Before(earliest) {
				rt.Fatalf("another round waits until %s, want %s", candidate.Until, earliest)
			}
		}
		if n != on {
			rt.Fatalf("%d credentials decide on another round, want %d", n, on)
		}
	})
}
