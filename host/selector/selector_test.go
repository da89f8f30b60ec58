package selector

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

var now = time.Unix(1_700_000_000, 0)

func at() time.Time { return now }

func first(int) int { return 0 }

func cred(id string, pairs ...string) *auth.Auth {
	a := &auth.Auth{ID: id, Provider: "p", Status: auth.StatusActive, Attributes: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		a.Attributes[pairs[i]] = pairs[i+1]
	}
	return a
}

func cooling(a *auth.Auth, model string, d time.Duration, quota bool) *auth.Auth {
	a.ModelStates = map[string]*auth.ModelState{model: {
		Unavailable: true, NextRetryAfter: now.Add(d), Quota: auth.QuotaState{Exceeded: quota},
	}}
	return a
}

func order(t *testing.T, s auth.Selector, n int, model string, auths ...*auth.Auth) string {
	t.Helper()
	var ids []string
	for range n {
		a, err := s.Pick(t.Context(), "p", model, executor.Options{}, auths)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	return strings.Join(ids, " ")
}

func TestRoundRobin(t *testing.T) {
	for name, c := range map[string]struct {
		auths []*auth.Auth
		want  string
	}{
		"by ID, in turn":                 {[]*auth.Auth{cred("b"), cred("a"), cred("c")}, "a b c a b c"},
		"the best priority only":         {[]*auth.Auth{cred("a"), cred("b", "priority", "10"), cred("c", "priority", " 10 ")}, "b c b c b c"},
		"a lower one when it has to":     {[]*auth.Auth{cred("a"), cooling(cred("b", "priority", "10"), "m", 1, false)}, "a a a a a a"},
		"no number is priority 0":        {[]*auth.Auth{cred("a", "priority", "x"), cred("b"), cred("c", "priority", "-1")}, "a b a b a b"},
		"without those that are blocked": {[]*auth.Auth{cred("a"), cooling(cred("b"), "m", 1, true), cred("c")}, "a c a c a c"},
		"accounts take turns": {
			[]*auth.Auth{cred("a", "gemini_virtual_parent", "P1"), cred("b", "gemini_virtual_parent", "P1"), cred("c", "gemini_virtual_parent", "P2")},
			"a c b c a c"},
		"one without an account": {
			[]*auth.Auth{cred("a", "gemini_virtual_parent", "P1"), cred("b", "gemini_virtual_parent", "P2"), cred("c")}, "a b c a b c"},
		"one account": {
			[]*auth.Auth{cred("a", "gemini_virtual_parent", "P1"), cred("b", "gemini_virtual_parent", "P1")}, "a b a b a b"},
	} {
		if got := order(t, NewRoundRobin(at, first), 6, "m", c.auths...); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestRoundRobinCursors(t *testing.T) {
	s := NewRoundRobin(at, first)
	a, b, c := cred("a"), cred("b"), cred("c")
	if got := order(t, s, 1, "m(low)", a, b, c) + order(t, s, 1, "m(high)", a, b, c) + order(t, s, 1, "n", a, b, c); got != "aba" {
		t.Errorf("suffixes share a cursor, models do not: %s", got)
	}
	if _, err := s.Pick(t.Context(), "p", "m", executor.Options{}, nil); err == nil {
		t.Error("picked nobody")
	}
	if got := order(t, s, 1, "m", a, b, c); got != "c" {
		t.Errorf("a failed pick moved the cursor: %s", got)
	}
	order(t, s, 1, "m", a, b, c)
	if got := order(t, s, 2, "m", a, c); got != "c a" {
		t.Errorf("when b leaves after a's turn, c is next: %s", got)
	}
	start := NewRoundRobin(at, func(n int) int { return n - 1 })
	groups := []*auth.Auth{cred("a", "gemini_virtual_parent", "P1"), cred("b", "gemini_virtual_parent", "P2")}
	if got := order(t, start, 2, "m", groups...); got != "b a" {
		t.Errorf("the first account is drawn: %s", got)
	}
}

func TestE05CursorsAreBounded(t *testing.T) {
	c := cursors{limit: 2}
	c.set("one", "a")
	c.set("two", "b")
	c.get("one")
	c.set("three", "c")
	if _, ok := c.get("two"); ok || len(c.byKey) != 2 || c.used.Len() != 2 {
		t.Errorf("the one used longest ago stays, of %d", len(c.byKey))
	}
	if last, ok := c.get("one"); last != "a" || !ok {
		t.Errorf("%q, %v", last, ok)
	}
	s := NewRoundRobin(at, first)
	for i := range maxCursors + 10 {
		order(t, s, 1, fmt.Sprint("m", i), cred("a"))
	}
	if len(s.cursors.byKey) != maxCursors {
		t.Errorf("%d cursors", len(s.cursors.byKey))
	}
}

func TestFillFirst(t *testing.T) {
	s := NewFillFirst(at)
	b, a, c := cred("b"), cred("a"), cred("c")
	if got := order(t, s, 3, "m", b, a, c); got != "a a a" {
		t.Error(got)
	}
	cooling(a, "m", time.Minute, true)
	if got := order(t, s, 2, "m", b, a, c); got != "b b" {
		t.Errorf("while a is cooling down: %s", got)
	}
	later := NewFillFirst(func() time.Time { return now.Add(time.Minute) })
	if got := order(t, later, 2, "m", b, a, c); got != "a a" {
		t.Errorf("after a's deadline: %s", got)
	}
	if got := order(t, &FillFirstSelector{}, 1, "m", b, c) + order(t, &RoundRobinSelector{}, 1, "m", b, c); got != "bb" {
		t.Errorf("the zero values: %s", got)
	}
}

func TestNobodyToPick(t *testing.T) {
	quota := func(id string, d time.Duration) *auth.Auth { return cooling(cred(id), "m", d, true) }
	off := cred("off")
	off.Disabled = true
	for name, c := range map[string]struct {
		auths []*auth.Auth
		code  string
		wait  string
	}{
		"no candidates":               {nil, auth.CodeAuthNotFound, ""},
		"all cooling down":            {[]*auth.Auth{quota("a", 90*time.Second), quota("b", 59500*time.Millisecond)}, "", "60"},
		"one is switched off":         {[]*auth.Auth{quota("a", time.Minute), off}, "", "60"},
		"all are switched off":        {[]*auth.Auth{off}, auth.CodeAuthUnavailable, ""},
		"one is blocked by a failure": {[]*auth.Auth{quota("a", time.Minute), cooling(cred("b"), "m", time.Minute, false)}, auth.CodeAuthUnavailable, ""},
	} {
		for _, s := range []auth.Selector{NewRoundRobin(at, first), NewFillFirst(at)} {
			a, err := s.Pick(t.Context(), "p", "m(high)", executor.Options{}, c.auths)
			var own *auth.Error
			var wait *auth.CooldownError
			switch {
			case a != nil || err == nil:
				t.Errorf("%s: picked %s", name, a)
			case c.code != "" && (!errors.As(err, &own) || own.Code != c.code):
				t.Errorf("%s: %v", name, err)
			case c.wait != "" && (!errors.As(err, &wait) || wait.Headers().Get("Retry-After") != c.wait || wait.StatusCode() != http.StatusTooManyRequests):
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestWebsocketClientsGetWebsocketCredentials(t *testing.T) {
	a, b := cred("a"), cred("b", "websockets", "true")
	top := cred("top", "priority", "9")
	ws := executor.WithDownstreamWebsocket(t.Context())
	pin := executor.Options{Metadata: map[string]any{executor.PinnedAuthIDKey: []byte("a")}}
	for name, c := range map[string]struct {
		ctx      context.Context
		provider string
		opts     executor.Options
		auths    []*auth.Auth
		want     string
	}{
		"preferred":                 {ws, "Codex", executor.Options{}, []*auth.Auth{a, b}, "b"},
		"client without websocket":  {t.Context(), "codex", executor.Options{}, []*auth.Auth{a, b}, "a"},
		"provider without":          {ws, "gemini", executor.Options{}, []*auth.Auth{a, b}, "a"},
		"none of them can":          {ws, "xai", executor.Options{}, []*auth.Auth{a}, "a"},
		"priority comes before":     {ws, "codex", executor.Options{}, []*auth.Auth{a, b, top}, "top"},
		"pinned":                    {ws, "codex", pin, []*auth.Auth{a, b}, "a"},
		"among several providers":   {ws, auth.ProviderMixed, executor.Options{}, []*auth.Auth{a, b}, "a"},
		"as metadata, not an attr.": {ws, "codex", executor.Options{}, []*auth.Auth{a, {ID: "c", Metadata: map[string]any{"websockets": true}}}, "c"},
	} {
		got, err := NewFillFirst(at).Pick(c.ctx, c.provider, "m", c.opts, c.auths)
		if err != nil || got.ID != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestTurnsAreFair: k·n picks over n that stay ready give each k, whatever
// order they come in; among many goroutines too.
func TestTurnsAreFair(t *testing.T) {
	s := NewRoundRobin(at, first)
	auths := []*auth.Auth{cred("a"), cred("b"), cred("c"), cred("d")}
	counts := map[string]*atomic.Int32{"a": {}, "b": {}, "c": {}, "d": {}}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			for range 1000 {
				a, err := s.Pick(context.Background(), "p", "m", executor.Options{}, auths)
				if err != nil {
					t.Error(err)
					return
				}
				counts[a.ID].Add(1)
			}
		})
	}
	wg.Wait()
	for id, n := range counts {
		if n.Load() != 25_000 {
			t.Errorf("%s: %d picks", id, n.Load())
		}
	}
}

// TestNobodyWaitsLong: while others come and go, who is ready all the time
// waits for at most n other picks.
func TestNobodyWaitsLong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewRoundRobin(at, first)
		n := rapid.IntRange(1, 12).Draw(t, "n")
		var all []*auth.Auth
		for i := range n {
			all = append(all, cred(fmt.Sprintf("c%02d", i)))
		}
		steady := all[rapid.IntRange(0, n-1).Draw(t, "steady")]
		waited := 0
		for range 60 {
			candidates := []*auth.Auth{steady}
			for _, a := range all {
				if a != steady && rapid.Bool().Draw(t, "here") {
					candidates = append(candidates, a)
				}
			}
			picked, err := s.Pick(context.Background(), "p", "m", executor.Options{}, candidates)
			if err != nil || !slices.Contains(candidates, picked) {
				t.Fatalf("%v, %v", picked, err)
			}
			if picked == steady {
				waited = 0
			} else if waited++; waited >= n {
				t.Fatalf("%s waited for %d picks of %d", steady.ID, waited, n)
			}
		}
	})
}
