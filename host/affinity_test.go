package host_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// inSession asks within a session and returns who served.
func inSession(r *rig, session string) string {
	r.t.Helper()
	opts := executor.Options{Metadata: map[string]any{executor.ExecutionSessionIDKey: session}}
	resp, err := r.Execute(r.t.Context(), []string{"p"}, request("m"), opts)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(resp.Payload)
}

func affine(r *rig, ttl time.Duration) {
	r.SetConfig(&settings.Config{Routing: settings.Routing{SessionAffinity: true, SessionAffinityTTL: ttl}})
}

func sessionRig(t *testing.T, failing map[string]error) *rig {
	r := newRig(t)
	r.RegisterExecutor(fails("p", failing))
	r.addAll("p", "a", "b", "c")
	return r
}

func TestSessionsAreNothingUnlessSwitchedOn(t *testing.T) {
	r := sessionRig(t, nil)
	same(t, "turns", inSession(r, "s")+inSession(r, "s")+inSession(r, "s"), "abc")
}

// TestSessionKeepsToACredential: until its time is over, and others take turns.
func TestSessionKeepsToACredential(t *testing.T) {
	r := sessionRig(t, nil)
	affine(r, 0) // an hour
	same(t, "one session", inSession(r, "s")+inSession(r, "s"), "aa")
	same(t, "another", inSession(r, "other"), "b")
	same(t, "no session", inSession(r, " ")+inSession(r, ""), "ca")
	r.clock.pass(59 * time.Minute)
	same(t, "within the hour", inSession(r, "s"), "a")
	r.clock.pass(59 * time.Minute)
	same(t, "an hour after the last request", inSession(r, "s"), "a")
	r.clock.pass(time.Hour)
	same(t, "after that", inSession(r, "s"), "b")
	affine(r, time.Minute)
	r.clock.pass(time.Minute)
	same(t, "with a shorter time", inSession(r, "s"), "c")
}

// TestSessionMovesWithWhoServesIt: a credential that cannot be used, fails or is
// gone loses the session to the one that serves it then.
func TestSessionMovesWithWhoServesIt(t *testing.T) {
	failing := map[string]error{}
	r := sessionRig(t, failing)
	affine(r, 0)
	same(t, "the first", inSession(r, "s"), "a")
	failing["a"] = status(500)
	same(t, "after a failure", inSession(r, "s"), "b")
	delete(failing, "a")
	r.clock.pass(10 * time.Minute)
	same(t, "when the first is back", inSession(r, "s"), "b")
	if err := r.Remove(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	same(t, "after it was removed", inSession(r, "s"), "c")
	pinned := executor.Options{Metadata: map[string]any{executor.ExecutionSessionIDKey: "s", executor.PinnedAuthIDKey: "a"}}
	resp, err := r.Execute(t.Context(), []string{"p"}, request("m"), pinned)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "a pin", string(resp.Payload), "a")
	same(t, "after the pin", inSession(r, "s"), "c")
}

// TestExplainSaysWhoKeepsASession and moves nothing.
func TestExplainSaysWhoKeepsASession(t *testing.T) {
	r := sessionRig(t, nil)
	affine(r, 0)
	inSession(r, "s")
	opts := executor.Options{Metadata: map[string]any{executor.ExecutionSessionIDKey: "s"}}
	for range 2 {
		first := r.Explain([]string{"p"}, "m", opts).Candidates[0]
		if first.ID != "a" || first.Turn != 1 || !strings.Contains(first.Reason, "keeps to it") {
			t.Fatalf("first is %+v", first)
		}
	}
	same(t, "without a session", r.Explain([]string{"p"}, "m", executor.Options{}).Candidates[0].ID, "b")
	r.block("a", "m", 429, time.Minute)
	for _, c := range r.Explain([]string{"p"}, "m", opts).Candidates {
		if c.ID == "a" && !strings.Contains(c.Reason, "whoever serves it next") {
			t.Fatalf("the kept one is %+v", c)
		}
	}
}

// TestExplainShowsAShutHost: who waits for a host that answers nobody has no turn.
func TestExplainShowsAShutHost(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(&provider{name: "p", do: func(context.Context, *auth.Auth, executor.Request, executor.Options) (executor.Response, error) {
		return executor.Response{}, dead("one.example:443")
	}})
	r.addAll("p", "a", "b", "c")
	if _, err := r.ask("m", "p"); err == nil {
		t.Fatal("a dead host answered")
	}
	for _, c := range r.Explain([]string{"p"}, "m", executor.Options{}).Candidates {
		if c.Verdict != host.VerdictHost || c.Turn != 0 || !strings.Contains(c.Reason, "one.example:443") || !c.Until.After(r.clock.Now()) {
			t.Errorf("%+v", c)
		}
	}
}

// TestE05SessionsAreBounded: the one that was used least recently is forgotten.
func TestE05SessionsAreBounded(t *testing.T) {
	r := sessionRig(t, nil)
	affine(r, 0)
	first := inSession(r, "first")
	for i := range 20_000 {
		inSession(r, fmt.Sprint(i))
		if i%1000 == 0 && inSession(r, "first") != first {
			t.Fatal("a session in use was forgotten")
		}
	}
	opts := executor.Options{Metadata: map[string]any{executor.ExecutionSessionIDKey: "0"}}
	for _, c := range r.Explain([]string{"p"}, "m", opts).Candidates {
		if strings.Contains(c.Reason, "session") {
			t.Fatalf("the oldest session is kept: %+v", c)
		}
	}
}
