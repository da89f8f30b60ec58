package soak

import (
	"context"
	"slices"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// calmKey says that all calls end well.
type calmKey struct{}

// aDay is longer than any block that a soak makes.
const aDay = 24 * time.Hour

// compare holds the manager against the model while nothing else runs.
func (s *soak) compare(ctx context.Context) {
	s.compareRecords()
	for _, m := range modelNames {
		s.compareModel(m)
	}
	s.clock.pass(aDay) // whatever was blocked is due by now
	for i, sel := range strategies() {
		s.SetSelector(sel)
		s.heal(ctx, modelNames[i%len(modelNames)])
		s.compareTurns(ctx, modelNames[i%len(modelNames)], i)
	}
	s.SetSelector(nil)
	for _, t := range s.all {
		t.returned.Store(false) // nothing is in flight
	}
}

func (s *soak) compareRecords() {
	there := 0
	for _, t := range s.all {
		if t.exists {
			there++
		}
		if n := t.flying.Load(); n != 0 {
			s.violations.add("credential %s has %d calls in flight while nobody calls", t.id, n)
		}
		if a, ok := s.GetByID(t.id); ok != t.exists || ok && a.Disabled != t.record.Disabled {
			s.violations.add("credential %s is there: %v, want %v", t.id, ok, t.exists)
		}
	}
	if n := len(s.List()); n != there {
		s.violations.add("%d credentials are listed, want %d", n, there)
	}
}

// compareModel holds the index against the records: who would be tried, and who
// may be by what its own record says.
func (s *soak) compareModel(model string) {
	now := s.clock.Now()
	turns := map[string]host.Candidate{}
	for _, c := range s.Explain([]string{provider}, model, executor.Options{}).Candidates {
		turns[c.ID] = c
	}
	probes := false
	for _, c := range turns {
		probes = probes || c.Turn > 0 && c.Verdict == host.VerdictProbe
	}
	for _, t := range s.all {
		if !t.exists {
			if _, ok := turns[t.id]; ok {
				s.violations.add("credential %s is explained, and was removed", t.id)
			}
			continue
		}
		c := turns[t.id]
		if c.Verdict == host.VerdictSaturated || c.Verdict == host.VerdictTrying {
			s.violations.add("credential %s is %s while nobody calls", t.id, c.Verdict)
			continue
		}
		a, _ := s.GetByID(t.id)
		free := !t.record.Disabled && slices.Contains(t.record.DeclaredModels(), model) && a.Block(model, now).Reason == auth.NotBlocked
		if c.Verdict == host.VerdictProbe && free && !probes {
			continue // another probe began less than a second ago
		}
		if free != (c.Turn > 0) {
			s.violations.add("credential %s for %s: free by its record %v, has turn %d, %s", t.id, model, free, c.Turn, c.Reason)
		}
	}
}

// heal ends all blocks of the credentials that can be used at all.
func (s *soak) heal(ctx context.Context, model string) {
	for _, t := range s.all {
		if t.exists {
			if _, err := s.ResetCooldown(ctx, t.id, ""); err != nil {
				s.violations.add("reset %s for %s: %v", t.id, model, err)
			}
		}
	}
}

// compareTurns counts who is asked in one turn of all: each as often as it should
// be.
func (s *soak) compareTurns(ctx context.Context, model string, strategy int) {
	want := map[string]int{}
	best, grouped := -1, true
	for _, t := range s.all {
		if !t.exists || t.record.Disabled || !slices.Contains(t.record.DeclaredModels(), model) {
			continue
		}
		if p := t.record.Priority(); p > best {
			best, grouped = p, true
			clear(want)
		}
		if t.record.Priority() == best {
			want[t.id] = 1
			if strategy == 2 {
				want[t.id] = t.record.Weight()
			}
			grouped = grouped && t.record.Group() != ""
		}
	}
	if strategy == 0 && grouped {
		return // groups take turns, not credentials
	}
	total := 0
	for _, n := range want {
		total += n
	}
	got := map[string]int{}
	for range total {
		resp, err := s.Execute(context.WithValue(s.start(ctx), calmKey{}, true), []string{provider}, executor.Request{Model: model}, executor.Options{})
		if err != nil {
			s.violations.add("%s: nobody can be asked, and %d are free: %v", model, len(want), err)
			return
		}
		got[string(resp.Payload)]++
	}
	for id, n := range want {
		if strategy == 1 { // the first of them is asked all the time
			if got[id] != 0 && got[id] != total {
				s.violations.add("%s: fill first asked %s %d times of %d", model, id, got[id], total)
			}
			continue
		}
		if got[id] != n {
			s.violations.add("%s: credential %s was asked %d times in a turn of all, want %d", model, id, got[id], n)
		}
	}
}
