package host_test

import (
	"errors"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// TestCoolingSwitchedOffLiftsBlocks: at once, for those who have no word of
// their own, and not for a model that is not there.
func TestCoolingSwitchedOffLiftsBlocks(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.add(auth.Auth{ID: "a", Provider: "p"}, "m", "n")
	r.add(auth.Auth{ID: "b", Provider: "p", Metadata: map[string]any{"disable_cooling": false}}, "m")
	r.block("a", "m", 429, time.Hour)
	r.block("b", "m", 403, 0)
	r.MarkResult(t.Context(), auth.Result{AuthID: "a", Model: "n", Error: &auth.Error{HTTPStatus: 404, Message: "no model n"}})
	off := settings.DefaultCooldown()
	off.Disabled = true
	r.SetCooldown(off)
	r.answers("a", "a")("m", "p")
	if _, err := r.ask("n", "p"); codeOf(err) != auth.CodeAuthUnavailable {
		t.Fatalf("a model that is not there: %v", err)
	}
	r.block("a", "m", 401, 0)
	r.answers("a")("m", "p")
}

// TestOwnWordLiftsBlocks: a credential that is told not to cool is used at once.
func TestOwnWordLiftsBlocks(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "a")
	r.block("a", "m", 403, 0)
	a := r.get("a")
	a.Metadata = map[string]any{"disable_cooling": true}
	r.update(*a)
	r.answers("a")("m", "p")
}

// TestGlobalCoolingSwitch is for programs that knew only one manager: it holds
// where nobody else has a word. It is put back, since tests share the process.
func TestGlobalCoolingSwitch(t *testing.T) {
	host.SetQuotaCooldownDisabled(true)
	defer host.SetQuotaCooldownDisabled(false)
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "a")
	r.add(auth.Auth{ID: "b", Provider: "p", Metadata: map[string]any{"disable-cooling": "false"}}, "m")
	r.block("a", "m", 429, time.Hour)
	r.block("b", "m", 429, time.Hour)
	r.answers("a", "a")("m", "p")
}

// TestGlobalCoolingSwitchLiftsBlocks: with the next request, in every manager, and
// only of those who have no word of their own.
func TestGlobalCoolingSwitchLiftsBlocks(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "a")
	r.add(auth.Auth{ID: "b", Provider: "p", Metadata: map[string]any{"disable_cooling": false}}, "m")
	r.block("a", "m", 429, time.Hour)
	r.block("b", "m", 429, time.Hour)
	host.SetQuotaCooldownDisabled(true)
	defer host.SetQuotaCooldownDisabled(false)
	r.answers("a", "a")("m", "p")
}

// TestProvidersWordOnCooling: it counts for more than the configuration's, in
// either direction, and lifts what stands.
func TestProvidersWordOnCooling(t *testing.T) {
	yes, no := true, false
	r := newRig(t)
	for _, p := range []string{"p", "q"} {
		r.RegisterExecutor(fails(p, nil))
		r.addAll(p, p+"1")
		r.block(p+"1", "m", 429, time.Hour)
	}
	r.SetConfig(&host.Config{Providers: map[string]settings.Provider{"P": {DisableCooling: &yes}, "q": {}}})
	r.answers("p1")("m", "p")
	if _, err := r.ask("m", "q"); statusOf(err) != 429 {
		t.Fatal(err)
	}
	off := settings.DefaultCooldown()
	off.Disabled = true
	r.SetConfig(&host.Config{Cooldown: off, Providers: map[string]settings.Provider{"q": {DisableCooling: &no}}})
	if _, err := r.ask("m", "q"); statusOf(err) != 429 {
		t.Fatal(err)
	}
	r.SetConfig(&host.Config{Cooldown: off})
	r.answers("q1")("m", "q")
}

// TestQuotaGroup: a quota that is used up counts for all who share it, and for
// nobody else.
func TestQuotaGroup(t *testing.T) {
	group := map[string]string{auth.AttrQuotaGroup: "team"}
	for _, scope := range []string{settings.QuotaGroupModel, settings.QuotaGroupCredential} {
		r := newRig(t, func(o *host.Options) {
			o.Cooldown = settings.DefaultCooldown()
			o.Cooldown.QuotaGroupScope = scope
		})
		r.RegisterExecutor(fails("p", map[string]error{"a": hinted(429, time.Minute)}))
		r.RegisterExecutor(fails("q", nil))
		for _, id := range []string{"a", "b", "c"} {
			r.add(auth.Auth{ID: id, Provider: "p", Attributes: group}, "m", "n")
		}
		r.add(auth.Auth{ID: "d", Provider: "p"}, "m", "n")
		r.add(auth.Auth{ID: "e", Provider: "q", Attributes: group}, "m")
		left := r.get("c")
		left.Attributes = nil
		r.update(*left)

		r.answers("c", "d", "c")("m", "p") // a is asked first, and b not at all
		r.answers("e")("m", "q")
		held := map[string]string{settings.QuotaGroupModel: "m", settings.QuotaGroupCredential: auth.CredentialState}[scope]
		if b := r.state("b", held); !b.Unavailable || !b.NextRetryAfter.Equal(r.state("a", "m").NextRetryAfter) {
			t.Errorf("%s: b is held until %v", scope, b.NextRetryAfter)
		}
		r.block("b", "n", 500, 0) // no quota: its own affair
		same(t, "c's state", r.state("c", "n").Unavailable, false)
	}
}

// TestRetryBudget: what failover and rounds cost is bounded for the process, and
// the answer is then the last error.
func TestRetryBudget(t *testing.T) {
	r := newRig(t)
	p := fails("p", map[string]error{"a": status(503), "b": status(503), "c": status(503)})
	r.RegisterExecutor(p)
	for _, id := range []string{"a", "b", "c"} {
		r.add(auth.Auth{ID: id, Provider: "p", Metadata: map[string]any{"disable_cooling": true}}, "m")
	}
	r.SetRetryBudget(20, 3)
	asked := func(n int) int {
		before := len(p.seen())
		for range n {
			if _, err := r.Execute(t.Context(), []string{"p"}, request("m"), executor.Options{}); statusOf(err) != 503 {
				t.Fatal(err)
			}
		}
		return len(p.seen()) - before
	}
	same(t, "calls of a request", asked(1), 3)
	same(t, "calls of the next", asked(1), 2) // one was left, and 40 of 100 for another
	same(t, "calls of 10 more", asked(10), 12)
	r.SetRetryBudget(0, 0)
	same(t, "calls without a budget", asked(1), 3)
}

// TestAQuotaWithoutAHintSaysWhenItEnds: a provider's 429 that names no time once
// reached the client with "Retry-After: 1", while the one credential was blocked for
// much longer.
func TestAQuotaWithoutAHintSaysWhenItEnds(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", map[string]error{"a": status(429)}))
	r.addAll("p", "a")
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
		_, err := r.ask("m", "p")
		up, ok := errors.AsType[*executor.UpstreamError](err)
		if !ok || up.Status != 429 || up.Retry == nil || *up.Retry != want {
			t.Fatalf("%+v, want a wait of %v", up, want)
		}
		r.clock.pass(want)
	}
}
