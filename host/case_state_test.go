package host_test

import (
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
)

func (r *rig) succeed(id, model string) {
	r.MarkResult(r.t.Context(), auth.Result{AuthID: id, Model: model, Success: true})
}

func (r *rig) get(id string) *host.Auth {
	r.t.Helper()
	a, ok := r.GetByID(id)
	if !ok {
		r.t.Fatalf("no credential %q", id)
	}
	return a
}

func TestCase36Ladder(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", map[string]error{"a": status(429)}))
	r.addAll("p", "a")
	for _, want := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800, 1800} {
		if _, err := r.ask("m", "p"); statusOf(err) != 429 {
			t.Fatal(err)
		}
		wait := r.state("a", "m").NextRetryAfter.Sub(r.clock.Now())
		same(t, "wait", wait, time.Duration(want)*time.Second)
		r.clock.pass(wait)
	}
	r.succeed("a", "m")
	r.block("a", "m", 429, 0)
	same(t, "wait after a success", r.state("a", "m").NextRetryAfter.Sub(r.clock.Now()), time.Second)
	r.block("a", "m", 429, 0)
	same(t, "wait after a burst", r.state("a", "m").NextRetryAfter.Sub(r.clock.Now()), time.Second)
}

func TestCase37CoolingDisabled(t *testing.T) {
	for _, code := range []int{429, 500, 403} {
		r := newRig(t)
		r.RegisterExecutor(fails("p", nil))
		r.add(auth.Auth{ID: "a", Provider: "p", Metadata: map[string]any{"disable_cooling": true}}, "m")
		r.block("a", "m", code, time.Minute)
		r.answers("a")("m", "p")
	}
}

func TestCase38OwnWordOnCooling(t *testing.T) {
	r := newRig(t, func(o *host.Options) {
		o.Cooldown.Disabled = true
		o.Cooldown.Transient = time.Minute
	})
	r.RegisterExecutor(fails("p", nil))
	r.add(auth.Auth{ID: "a", Provider: "p", Metadata: map[string]any{"disable_cooling": false}}, "m")
	r.addAll("p", "b")
	r.block("a", "m", 500, 0)
	r.block("b", "m", 500, 0)
	r.answers("b", "b")("m", "p")
}

func TestCase39Aggregates(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.add(auth.Auth{ID: "a", Provider: "p"}, "m1", "m2")
	r.succeed("a", "m2")
	r.block("a", "m2", 500, 0)
	r.clock.pass(2 * time.Minute)
	r.succeed("a", "m2") // has a state now, and a good one
	r.block("a", "m1", 429, time.Minute)
	a := r.get("a")
	same(t, "unavailable", a.Unavailable, false)
	same(t, "quota exceeded", a.Quota.Exceeded, true)
	r.answers("a")("m2", "p")
	if _, err := r.ask("m1", "p"); statusOf(err) != 429 {
		t.Fatal(err)
	}
	r.block("a", "m2", 429, 30*time.Second)
	a = r.get("a")
	same(t, "unavailable", a.Unavailable, true)
	same(t, "next retry", a.NextRetryAfter.Sub(r.clock.Now()), 30*time.Second)
}

func TestCase40ErrorUntilEveryModelSucceeds(t *testing.T) {
	r := newRig(t)
	r.add(auth.Auth{ID: "a", Provider: "p"}, "m1", "m2")
	r.block("a", "m1", 500, 0)
	r.block("a", "m2", 500, 0)
	r.clock.pass(time.Hour)
	r.succeed("a", "m1")
	same(t, "status", r.get("a").Status, host.StatusError)
	r.succeed("a", "m2")
	a := r.get("a")
	same(t, "status", a.Status, host.StatusActive)
	if a.LastError != nil || a.StatusMessage != "" {
		t.Fatalf("left: %v %q", a.LastError, a.StatusMessage)
	}
}

func (r *rig) update(a auth.Auth) {
	r.t.Helper()
	if _, err := r.Update(r.t.Context(), &a); err != nil {
		r.t.Fatal(err)
	}
}

func TestCase41UpdateAndCooldowns(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "a")
	r.block("a", "m", 429, time.Minute)
	r.update(auth.Auth{ID: "a", Provider: "p", Label: "new"})
	if _, err := r.ask("m", "p"); statusOf(err) != 429 {
		t.Fatalf("an update lifted the cooldown: %v", err)
	}
	off := r.get("a")
	off.Disabled = true
	r.update(*off)
	on := r.get("a")
	on.Disabled = false
	r.update(*on)
	r.answers("a")("m", "p")
	same(t, "label", r.get("a").Label, "new")
}

func TestUpdateKeepsWhatWasLearnedMeanwhile(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.add(auth.Auth{ID: "a", Provider: "p", Runtime: 7, FileName: "a.json"}, "m", "n")
	r.block("a", "n", 500, 0)
	edit := r.get("a")
	r.clock.pass(time.Second)
	r.block("a", "m", 500, 0)
	edit.Label, edit.Runtime, edit.Index = "edited", nil, ""
	r.update(*edit)
	a := r.get("a")
	same(t, "label", a.Label, "edited")
	same(t, "runtime", a.Runtime, any(7))
	if a.Index == "" || a.CreatedAt.IsZero() {
		t.Fatal("index or creation time was lost")
	}
	if !a.ModelStates["m"].Unavailable || !a.ModelStates["n"].Unavailable {
		t.Fatal("the edit undid a cooldown")
	}
}

func TestUpdateOfAnUnknownCredential(t *testing.T) {
	r := newRig(t)
	_, err := r.Update(t.Context(), &auth.Auth{ID: "ghost"})
	same(t, "code", codeOf(err), auth.CodeAuthNotFound)
	same(t, "credentials", len(r.List()), 0)
	same(t, "code of remove", codeOf(r.Remove(t.Context(), "ghost")), auth.CodeAuthNotFound)
	if a, err := r.Update(t.Context(), nil); a != nil || err != nil {
		t.Fatal("update of nil did something")
	}
	if a, err := r.Register(t.Context(), nil); a != nil || err != nil {
		t.Fatal("register of nil did something")
	}
}

func TestResultsWithoutACredential(t *testing.T) {
	r := newRig(t)
	r.succeed("", "m")
	same(t, "results without an id", len(r.hook.all()), 0)
	r.succeed("ghost", "m")
	same(t, "results of a ghost", len(r.hook.all()), 1)
}

func TestCredentialWideQuota(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.add(auth.Auth{ID: "a", Provider: "p"}, "m", "n")
	hint := time.Minute
	r.MarkResult(t.Context(), auth.Result{
		AuthID: "a", Model: "m", RetryAfter: &hint, CredentialScope: true, Error: &auth.Error{HTTPStatus: 429},
	})
	for _, model := range []string{"m", "n"} {
		_, err := r.ask(model, "p")
		cooldownBody(t, err)
	}
	r.clock.pass(time.Minute)
	r.answers("a")("n", "p")
}

// TestBlocksBehindBlocks: the block of a model may outlast that of its
// credential, and must not be forgotten when that ends.
func TestBlocksBehindBlocks(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "a")
	r.block("a", "m", 500, 0)
	hint := time.Second
	r.MarkResult(t.Context(), auth.Result{
		AuthID: "a", Model: "m", RetryAfter: &hint, CredentialScope: true, Error: &auth.Error{HTTPStatus: 429},
	})
	r.clock.pass(2 * time.Second)
	if _, err := r.ask("m", "p"); codeOf(err) != auth.CodeAuthUnavailable {
		t.Fatal(err)
	}
	r.clock.pass(time.Minute)
	r.answers("a")("m", "p")
}

func TestListAndCopies(t *testing.T) {
	r := newRig(t)
	r.addAll("p", "c", "a", "b")
	list := r.List()
	same(t, "order", ids(list), "a,b,c")
	list[0].Label = "changed"
	same(t, "label", r.get("a").Label, "")
	made, err := r.Register(t.Context(), &auth.Auth{Provider: "p"})
	if err != nil || len(made.ID) != 36 || len(made.Index) != 16 {
		t.Fatalf("got %q, %q, %v", made.ID, made.Index, err)
	}
}
