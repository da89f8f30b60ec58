package retry_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/retry"
)

var now = time.Unix(1_700_000_000, 0)

func free(limit int) retry.Candidate { return retry.Candidate{Limit: limit} }

func blocked(limit int, left time.Duration, status int) retry.Candidate {
	return retry.Candidate{Limit: limit, Until: now.Add(left), Status: status, Quota: status == 429}
}

func TestNext(t *testing.T) {
	const max = 30 * time.Second
	e := func(status int) error { return upstream(status, "", "") }
	list := func(c ...retry.Candidate) []retry.Candidate { return c }
	for name, c := range map[string]struct {
		err        error
		round      int
		maxWait    time.Duration
		candidates []retry.Candidate
		wait       time.Duration
		again      bool
	}{
		"success":                             {nil, 0, max, list(free(3)), 0, false},
		"nobody is blocked":                   {e(500), 0, max, list(free(3)), 0, true},
		"the last window":                     {e(500), 2, max, list(free(3)), 0, true},
		"windows used up":                     {e(500), 3, max, list(free(3)), 0, false},
		"no rounds allowed":                   {e(500), 0, max, list(free(0)), 0, false},
		"nobody there":                        {e(500), 0, max, nil, 0, false},
		"one of two allows it":                {e(500), 1, max, list(free(1), free(2)), 0, true},
		"no waiting, nobody blocked":          {e(500), 0, 0, list(free(3)), 0, true},
		"waits for the block":                 {e(429), 0, max, list(blocked(1, 2*time.Second, 429)), 2 * time.Second, true},
		"waits just so long":                  {e(429), 0, max, list(blocked(1, max, 429)), max, true},
		"the block is too long":               {e(429), 0, max, list(blocked(1, 31*time.Second, 429)), 0, false},
		"no waiting, a block":                 {e(429), 0, 0, list(blocked(1, time.Second, 429)), 0, false},
		"the shorter of two":                  {e(429), 0, max, list(blocked(1, 9*time.Second, 429), blocked(1, 4*time.Second, 503)), 4 * time.Second, true},
		"the shorter has no rounds left":      {e(429), 1, max, list(blocked(2, 9*time.Second, 429), blocked(1, 4*time.Second, 429)), 9 * time.Second, true},
		"a free one beats a block":            {e(429), 0, max, list(blocked(1, 9*time.Second, 429), free(1)), 0, true},
		"the block is over":                   {e(429), 0, max, list(blocked(1, 0, 429)), 0, true},
		"a 401 block justifies none":          {e(500), 0, max, list(blocked(1, time.Second, 401)), 0, false},
		"a 404 block justifies none":          {e(500), 0, max, list(blocked(1, time.Second, 404)), 0, false},
		"a 403 block, and one of 500":         {e(500), 0, max, list(blocked(1, time.Second, 403), blocked(1, 5*time.Second, 500)), 5 * time.Second, true},
		"a quota known by its flag":           {e(429), 0, max, list(retry.Candidate{Limit: 1, Until: now.Add(time.Second), Status: 403, Quota: true}), time.Second, true},
		"nobody answered":                     {errors.New("dial"), 0, max, list(free(1)), 0, true},
		"408":                                 {e(408), 0, max, list(free(1)), 0, true},
		"502":                                 {e(502), 0, max, list(free(1)), 0, true},
		"503":                                 {e(503), 0, max, list(free(1)), 0, true},
		"504":                                 {e(504), 0, max, list(free(1)), 0, true},
		"529":                                 {e(529), 0, max, list(free(1)), 0, true},
		"400":                                 {e(400), 0, max, list(free(1)), 0, false},
		"401":                                 {e(401), 0, max, list(free(1)), 0, false},
		"403":                                 {e(403), 0, max, list(free(1)), 0, false},
		"404":                                 {e(404), 0, max, list(free(1)), 0, false},
		"501":                                 {e(501), 0, max, list(free(1)), 0, false},
		"client gone":                         {context.Canceled, 0, max, list(free(1)), 0, false},
		"all are cooling down":                {auth.NewCooldownError("m", "", now.Add(time.Second), now), 0, max, list(blocked(1, time.Second, 429)), time.Second, true},
		"none is available, all will be":      {&auth.Error{Code: auth.CodeAuthUnavailable}, 0, max, list(blocked(1, time.Second, 500)), time.Second, true},
		"no executor":                         {&auth.Error{Code: auth.CodeExecutorNotFound}, 0, max, list(free(1)), 0, false},
		"no candidates, says the core itself": {&auth.Error{Code: auth.CodeAuthNotFound}, 0, max, list(free(1)), 0, false},
	} {
		r := retry.Round{Err: c.err, Round: c.round, MaxWait: c.maxWait, Candidates: slices.Values(c.candidates), Now: now}
		if wait, again := retry.Next(r); wait != c.wait || again != c.again {
			t.Errorf("%s: %s, %v; want %s, %v", name, wait, again, c.wait, c.again)
		}
	}
}

func TestNextPauses(t *testing.T) {
	half := func() float64 { return 0.5 }
	for round, want := range map[int]time.Duration{
		0: 25 * time.Millisecond, 1: 50 * time.Millisecond, 2: 100 * time.Millisecond, 4: 400 * time.Millisecond, 5: 500 * time.Millisecond, 90: 500 * time.Millisecond,
	} {
		r := retry.Round{Err: upstream(500, "", ""), Round: round, MaxWait: time.Minute, Candidates: slices.Values([]retry.Candidate{free(99)}), Now: now, Rand: half}
		if wait, again := retry.Next(r); wait != want || !again {
			t.Errorf("before round %d: %s, %v", round+1, wait, again)
		}
		r.MaxWait = 0
		if wait, again := retry.Next(r); wait != 0 || !again {
			t.Errorf("without waiting, before round %d: %s, %v", round+1, wait, again)
		}
	}
	for left, want := range map[time.Duration]time.Duration{
		4 * time.Second:  4500 * time.Millisecond, // a quarter
		20 * time.Second: 21 * time.Second,        // two seconds at most
		29 * time.Second: 29500 * time.Millisecond,
		30 * time.Second: 30 * time.Second, // never beyond the bound
	} {
		r := retry.Round{Err: upstream(429, "", ""), MaxWait: 30 * time.Second, Candidates: slices.Values([]retry.Candidate{blocked(1, left, 429)}), Now: now, Rand: half}
		if wait, again := retry.Next(r); wait != want || !again {
			t.Errorf("%s: %s, %v", left, wait, again)
		}
	}
}

// TestNextProperties: a wait never passes the bound, is never shorter than the
// block, and rounds end.
func TestNextProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := retry.Round{
			Err:     upstream(rapid.SampledFrom([]int{0, 400, 401, 403, 408, 429, 500, 529}).Draw(t, "status"), "", ""),
			Round:   rapid.IntRange(0, 6).Draw(t, "round"),
			MaxWait: time.Duration(rapid.IntRange(0, 40).Draw(t, "max")) * time.Second,
			Now:     now,
			Rand:    func() float64 { return rapid.Float64Range(0, 0.999999).Draw(t, "random") },
		}
		var all []retry.Candidate
		most, shortest := 0, time.Duration(-1)
		for range rapid.IntRange(0, 5).Draw(t, "candidates") {
			c := blocked(rapid.IntRange(0, 5).Draw(t, "limit"), time.Duration(rapid.IntRange(-5, 60).Draw(t, "left"))*time.Second,
				rapid.SampledFrom([]int{0, 401, 429, 500}).Draw(t, "blocked by"))
			all = append(all, c)
			most = max(most, c.Limit)
			if left := max(c.Until.Sub(now), 0); c.Limit > r.Round && (left == 0 || c.Status != 401) && (shortest < 0 || left < shortest) {
				shortest = left
			}
		}
		r.Candidates = slices.Values(all)
		wait, again := retry.Next(r)
		switch {
		case !again && wait != 0:
			t.Fatalf("waits %s for nothing", wait)
		case again && r.Round >= most:
			t.Fatal("a round that nobody allows")
		case again && wait > max(r.MaxWait, 0):
			t.Fatalf("waits %s of at most %s", wait, r.MaxWait)
		case again && shortest > 0 && wait < shortest:
			t.Fatalf("waits %s for a block of %s", wait, shortest)
		case again && shortest < 0:
			t.Fatal("waits for nobody")
		}
	})
}

// TestStatusesForAnotherRound: as it ships, and as the operator has it.
func TestStatusesForAnotherRound(t *testing.T) {
	for _, c := range []struct {
		statuses []int
		status   int
		again    bool
	}{
		{nil, 0, true}, {nil, 408, true}, {nil, 429, true}, {nil, 500, true}, {nil, 502, true}, {nil, 503, true},
		{nil, 504, true}, {nil, 529, true}, {nil, 403, false}, {nil, 401, false}, {nil, 404, false}, {nil, 501, false},
		{[]int{501}, 501, true}, {[]int{501}, 500, false}, {[]int{501}, 0, false}, {[]int{422}, 422, false},
	} {
		_, again := retry.Next(retry.Round{
			Err: &executor.UpstreamError{Status: c.status, Message: "no"}, Statuses: c.statuses, MaxWait: time.Minute,
			Candidates: slices.Values([]retry.Candidate{{Limit: 1}}), Now: time.Unix(1, 0),
		})
		if again != c.again {
			t.Errorf("%v with %v: %v", c.status, c.statuses, again)
		}
	}
}
