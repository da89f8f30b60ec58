package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// The numbers are those of the acceptance cases in the specification, core.md
// section 11.

func TestCase01RoundRobin(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "b", "a", "c")
	r.answers("a", "b", "c", "a")("m", "p")
}

func TestCase02FillFirst(t *testing.T) {
	r := newRig(t, func(o *host.Options) { o.Selector = &host.FillFirstSelector{} })
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "b", "a", "c")
	r.answers("a", "a", "a")("m", "p")
	r.block("a", "m", 429, 10*time.Second)
	r.answers("b", "b")("m", "p")
	r.clock.pass(10 * time.Second)
	r.answers("a", "a")("m", "p")
}

func TestCase03Priorities(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.add(auth.Auth{ID: "a", Provider: "p"}, "m")
	r.add(auth.Auth{ID: "b", Provider: "p", Attributes: priority("10")}, "m")
	r.add(auth.Auth{ID: "c", Provider: "p", Attributes: priority("10")}, "m")
	r.answers("b", "c", "b")("m", "p")
	r.block("b", "m", 500, 0)
	r.block("c", "m", 500, 0)
	r.answers("a")("m", "p")
}

func TestCase04BadPriorityIsZero(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.add(auth.Auth{ID: "a", Provider: "p", Attributes: priority("x")}, "m")
	r.add(auth.Auth{ID: "b", Provider: "p"}, "m")
	r.add(auth.Auth{ID: "c", Provider: "p", Attributes: priority(" -1 ")}, "m")
	r.answers("a", "b", "a")("m", "p")
}

func cooldownBody(t *testing.T, err error) (*host.CooldownError, map[string]any) {
	t.Helper()
	var cooling *host.CooldownError
	if !errors.As(err, &cooling) {
		t.Fatalf("got %v, want a cooldown error", err)
	}
	var body struct{ Error map[string]any }
	if err := json.Unmarshal([]byte(cooling.Error()), &body); err != nil {
		t.Fatal(err)
	}
	return cooling, body.Error
}

func TestCase05AllCoolingDown(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.RegisterExecutor(fails("q", nil))
	r.addAll("p", "a", "b")
	r.addAll("q", "c")
	for _, id := range []string{"a", "b", "c"} {
		r.block(id, "m", 429, 60*time.Second)
	}
	_, err := r.ask("m", "p")
	cooling, body := cooldownBody(t, err)
	same(t, "status", cooling.StatusCode(), 429)
	same(t, "Retry-After", cooling.Headers().Get("Retry-After"), "60")
	same(t, "code", body["code"], any("model_cooldown"))
	same(t, "provider", body["provider"], any("p"))

	_, err = r.ask("m", "p", "q")
	if _, body := cooldownBody(t, err); body["provider"] != nil {
		t.Fatalf("a mixed request names provider %v", body["provider"])
	}
}

func TestCase06SubSecondReset(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "a")
	r.block("a", "m", 429, time.Second)
	r.clock.pass(600 * time.Millisecond)
	_, err := r.ask("m", "p")
	_, body := cooldownBody(t, err)
	same(t, "reset_seconds", body["reset_seconds"], any(1.0))
	same(t, "reset_time", body["reset_time"], any("1s"))
}

func TestCase07OneQuotaOneOther(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.add(auth.Auth{ID: "a", Provider: "p", Label: "work", Attributes: map[string]string{auth.AttrAPIKey: "sk-secret"}}, "m")
	r.addAll("p", "b")
	r.block("a", "m", 429, time.Minute)
	r.block("b", "m", 404, 0)
	_, err := r.ask("m", "p")
	same(t, "code", codeOf(err), auth.CodeAuthUnavailable)
	same(t, "status", statusOf(err), 503)
	for _, want := range []string{`"work" (a)`, "quota used up after status 429 until 2030-01-02T03:05:05Z", `"b": blocked after status 404`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%q tells a secret", err)
	}
}

func TestCase08SuffixesShareStateAndCursor(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "a", "b", "c")
	r.answers("a")("m(low)", "p")
	r.answers("b")("m(high)", "p")
	r.block("c", "m", 500, 0)
	r.answers("a")("m(high)", "p")
	r.block("a", "m(low)", 500, 0)
	r.answers("b", "b")("m", "p")
}

func TestCase11Disabled(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.add(auth.Auth{ID: "a", Provider: "p", Disabled: true}, "m")
	r.add(auth.Auth{ID: "b", Provider: "p", Status: auth.StatusDisabled}, "m")
	r.addAll("p", "c")
	r.answers("c", "c")("m", "p")

	r.block("c", "m", 429, time.Minute)
	r.block("a", "m", 429, time.Second)
	_, err := r.ask("m", "p")
	cooling, _ := cooldownBody(t, err)
	same(t, "wait", *cooling.RetryAfter(), time.Minute)

	if err := r.Remove(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	_, err = r.ask("m", "p")
	same(t, "code", codeOf(err), auth.CodeAuthUnavailable)
	if !strings.Contains(err.Error(), `"a": disabled`) {
		t.Errorf("%q does not say that a is disabled", err)
	}
	same(t, "models on offer", len(r.ListModels()), 0)
	sameList(t, "providers", r.ProvidersForModel("m"), "p")
}

func TestCase12MixedProviders(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("gemini", nil))
	r.RegisterExecutor(fails("claude", nil))
	r.addAll("gemini", "gemini-a", "gemini-b")
	r.addAll("claude", "claude-a")
	r.addAll("absent", "absent-a")
	r.answers("gemini-a", "gemini-b", "claude-a", "gemini-a")("m", "gemini", "absent", "claude")
}

func TestCase13MixedPriority(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("gemini", nil))
	r.RegisterExecutor(fails("claude", nil))
	r.addAll("gemini", "g")
	r.add(auth.Auth{ID: "c", Provider: "claude", Attributes: priority("5")}, "m")
	r.answers("c", "c", "c")("m", "gemini", "claude")
	r.block("c", "m", 500, 0)
	r.answers("g")("m", "gemini", "claude")
}

func TestCase15Pinned(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "x", "y")
	pinned := func(id any) (string, error) {
		resp, err := r.Execute(t.Context(), []string{"p"}, request("m"),
			executor.Options{Metadata: map[string]any{executor.PinnedAuthIDKey: id}})
		return string(resp.Payload), err
	}
	for _, id := range []any{"y", []byte("y"), " y "} {
		got, err := pinned(id)
		if err != nil || got != "y" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	r.block("y", "m", 429, time.Minute)
	_, err := pinned("y")
	cooldownBody(t, err)
	_, err = pinned("nobody")
	same(t, "code", codeOf(err), auth.CodeAuthNotFound)
}

func TestCase16ModelsAfterRegister(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	if _, err := r.Register(t.Context(), &auth.Auth{ID: "a", Provider: "p"}); err != nil {
		t.Fatal(err)
	}
	_, err := r.ask("m", "p")
	same(t, "code", codeOf(err), auth.CodeModelNotFound)
	same(t, "status", statusOf(err), 404)
	same(t, "providers", len(r.ProvidersForModel("m")), 0)
	r.serve("a", "m")
	r.RefreshSchedulerEntry("a")
	r.RefreshSchedulerEntry("nobody")
	r.answers("a")("m", "p")
	r.serve("a")
	_, err = r.ask("m", "p")
	same(t, "code", codeOf(err), auth.CodeModelNotFound)
}

// chooser is a selector of a test.
type chooser func(provider, model string, auths []*auth.Auth) (*auth.Auth, error)

func (c chooser) Pick(_ context.Context, provider, model string, _ executor.Options, auths []*auth.Auth) (*auth.Auth, error) {
	return c(provider, model, auths)
}

func ids(auths []*auth.Auth) string {
	var out []string
	for _, a := range auths {
		out = append(out, a.ID)
	}
	return strings.Join(out, ",")
}

func TestCase17CustomSelectorSeesExactCandidates(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", map[string]error{"a": status(500), "b": status(500)}))
	r.RegisterExecutor(fails("q", nil))
	r.addAll("p", "c", "a", "b")
	r.add(auth.Auth{ID: "off", Provider: "p", Disabled: true}, "m")
	r.add(auth.Auth{ID: "other", Provider: "p"}, "n")
	r.addAll("q", "q")
	var saw []string
	r.SetSelector(chooser(func(provider, model string, auths []*auth.Auth) (*auth.Auth, error) {
		saw = append(saw, provider+" "+model+" "+ids(auths))
		a := auths[0]
		a.Attributes = map[string]string{"changed": "by a selector"}
		return a, nil
	}))
	r.answers("c")("m", "p")
	sameList(t, "candidates", saw, "p m a,b,c", "p m b,c", "p m c")
	a, _ := r.GetByID("a")
	same(t, "attributes that a selector reached", len(a.Attributes), 0)

	for what, s := range map[string]chooser{
		"nobody":   func(string, string, []*auth.Auth) (*auth.Auth, error) { return nil, nil },
		"stranger": func(string, string, []*auth.Auth) (*auth.Auth, error) { return &auth.Auth{ID: "x"}, nil },
	} {
		r.SetSelector(s)
		_, err := r.ask("m", "p")
		if codeOf(err) != auth.CodeAuthUnavailable {
			t.Errorf("a selector that chose %s gave %v", what, err)
		}
	}
	r.SetSelector(chooser(func(string, string, []*auth.Auth) (*auth.Auth, error) { panic("selector") }))
	if _, err := r.ask("m", "p"); err == nil {
		t.Error("a selector that panics gave no error")
	}
	r.SetSelector(nil)
	r.answers("c")("m", "p")
}

func TestCase18ConcurrentRoundRobinIsFair(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "a", "b", "c", "d")
	var mu sync.Mutex
	total := map[string]int{}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			mine := map[string]int{}
			for range 1000 {
				resp, err := r.Execute(context.Background(), []string{"p"}, request("m"), executor.Options{})
				if err != nil {
					t.Error(err)
					return
				}
				mine[string(resp.Payload)]++
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
		same(t, "picks of "+id, total[id], 25_000)
	}
}

// TestFailedPicksMoveNoCursor is the starvation of core.md section 12, P3.
func TestFailedPicksMoveNoCursor(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.addAll("p", "a", "b", "c")
	for _, id := range []string{"a", "b", "c", "a", "b", "c"} {
		r.answers(id)("m", "p")
		if _, err := r.ask("unknown", "p"); codeOf(err) != auth.CodeModelNotFound {
			t.Fatal(err)
		}
	}
}

// TestGroupsTakeTurns goes through the slice selector, since the index knows no
// groups.
func TestGroupsTakeTurns(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	for id, parent := range map[string]string{"a": "P1", "b": "P1", "c": "P2"} {
		r.add(auth.Auth{ID: id, Provider: "p", Attributes: map[string]string{auth.AttrVirtualParent: parent}}, "m")
	}
	counts := map[string]int{}
	for range 8 {
		id, err := r.ask("m", "p")
		if err != nil {
			t.Fatal(err)
		}
		counts[id]++
	}
	if counts["a"] != 2 || counts["b"] != 2 || counts["c"] != 4 {
		t.Fatalf("counts %v", counts)
	}
	r.addAll("p", "d")
	seen := map[string]bool{}
	for range 4 {
		id, _ := r.ask("m", "p")
		seen[id] = true
	}
	same(t, "credentials in a flat turn", len(seen), 4)
}

func TestPrefixIsServedBothWays(t *testing.T) {
	r := newRig(t)
	p := fails("p", nil)
	r.RegisterExecutor(p)
	r.add(auth.Auth{ID: "a", Provider: "p", Prefix: "team"}, "m")
	r.addAll("p", "b")
	r.answers("a", "a")("team/m(high)", "p")
	sameList(t, "models upstream", p.models, "m(high)", "m(high)")
	var listed []string
	for _, info := range r.ListModels() {
		listed = append(listed, info.ID)
	}
	sameList(t, "listed", listed, "m", "team/m")
	same(t, "models of a", len(r.ModelsOf("a")), 2)
	same(t, "models of nobody", len(r.ModelsOf("nobody")), 0)
	r.block("a", "m", 500, 0)
	if _, err := r.ask("team/m", "p"); codeOf(err) != auth.CodeAuthUnavailable {
		t.Fatalf("a prefixed name does not share the state of its model: %v", err)
	}
	r.answers("b", "b")("m", "p")
}

func TestDeclaredModelsCountMore(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	a := &auth.Auth{ID: "a", Provider: "P "}
	a.SetDeclaredModels([]string{"small", "large"})
	if _, err := r.Register(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	r.answers("a")("large", " P")
	r.SetModels("a", host.ModelInfo{ID: "small", DisplayName: "Small"}, host.ModelInfo{ID: "huge"})
	all := r.ListModels()
	if len(all) != 2 || all[0].ID != "large" || all[1].DisplayName != "Small" {
		t.Fatalf("models %+v", all)
	}
	if _, err := r.ask("huge", "p"); codeOf(err) != auth.CodeModelNotFound {
		t.Fatal(err)
	}
}
