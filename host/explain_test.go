package host_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

func (r *rig) explain(model string, opts executor.Options, providers ...string) (lines []string, out host.Explanation) {
	out = r.Explain(providers, model, opts)
	for _, c := range out.Candidates {
		lines = append(lines, c.ID+" "+c.Verdict)
	}
	return lines, out
}

// TestExplain has a credential for every verdict, and shows that asking changes
// nothing: the next requests go where it says.
func TestExplain(t *testing.T) {
	r := newRig(t)
	g := newGate("p")
	r.RegisterExecutor(g)
	r.RegisterExecutor(fails("q", nil))
	secret := map[string]any{"access_token": "sk-canary"}
	for _, id := range []string{"ready", "second", "quota", "long", "key", "trying"} {
		r.add(auth.Auth{ID: id, Provider: "p", Metadata: secret, Attributes: map[string]string{"api_key": "sk-canary"}}, "m")
	}
	r.add(auth.Auth{ID: "low", Provider: "q", Attributes: priority("-1")}, "m")
	r.add(auth.Auth{ID: "off", Provider: "p", Disabled: true}, "m")
	r.add(auth.Auth{ID: "other", Provider: "p"}, "n")
	r.add(auth.Auth{ID: "lost", Provider: "gone"}, "m")
	r.block("trying", "m", 401, 0)
	r.block("long", "m", 403, 0)
	r.clock.pass(30 * time.Minute)
	r.block("key", "m", 401, 0)
	trying := r.begin(t.Context(), g, "m") // "long" comes first
	hint := 7 * time.Hour
	r.MarkResult(t.Context(), auth.Result{AuthID: "quota", Model: "m", RetryAfter: &hint, HintSource: auth.SourceHeader, Error: &auth.Error{HTTPStatus: 429}})
	r.clock.pass(time.Second)

	got, out := r.explain("m", executor.Options{}, "p", "q", "gone")
	want := []string{
		"ready ready", "second ready", "trying probe", "low ready",
		"key blocked", "long trying", "lost no_executor", "off disabled", "other unlisted", "quota quota",
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))); diff != "" || got[0] == "low ready" || got[3] != "low ready" {
		t.Fatalf("%v (-want +got):\n%s", got, diff)
	}
	for _, c := range out.Candidates {
		switch c.ID {
		case "quota":
			same(t, "source", c.Source, auth.SourceHeader)
			same(t, "until", c.Until.Sub(r.clock.Now()), time.Hour-time.Second)
			same(t, "reset", c.Reset.Sub(r.clock.Now()), 7*time.Hour-time.Second)
		case "key":
			same(t, "source", c.Source, auth.SourceDefault)
			same(t, "status", c.Status, 401)
		case "off":
			same(t, "source", c.Source, auth.SourceOperator)
		}
		if c.Verdict != host.VerdictReady && c.Change == "" {
			t.Errorf("%s: nothing would change that", c.ID)
		}
		if strings.Contains(c.Reason+c.Change, "canary") {
			t.Errorf("%s: a secret", c.ID)
		}
	}
	same(t, "error", out.Error, "")
	for _, c := range out.Candidates[:2] {
		v := r.begin(t.Context(), g, "m")
		same(t, "picked", v.id, c.ID)
		defer v.succeed()
	}
	if err := trying.succeed(); err != nil {
		t.Fatal(err)
	}
}

// TestExplainAndTheClientAgree: the error that a client gets when nobody can be
// picked is the one that Explain shows, with the same reasons.
func TestExplainAndTheClientAgree(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.add(auth.Auth{ID: "a", Provider: "p", Label: "work"}, "m")
	r.add(auth.Auth{ID: "b", Provider: "p", Disabled: true}, "m")
	r.block("a", "m", 500, 0)
	_, out := r.explain("m", executor.Options{})
	_, err := r.ask("m", "p")
	if err == nil || out.Error != err.Error() {
		t.Fatalf("the client gets %v, and Explain says %q", err, out.Error)
	}
	for _, c := range out.Candidates {
		if !strings.Contains(err.Error(), c.Reason) {
			t.Errorf("%v does not say: %s", err, c.Reason)
		}
	}
	pinned := executor.Options{Metadata: map[string]any{executor.PinnedAuthIDKey: "b"}}
	if got, _ := r.explain("m", pinned, "p"); !slices.Equal(got, []string{"a not_pinned", "b disabled"}) {
		t.Errorf("pinned: %v", got)
	}
	if got, out := r.explain("x", executor.Options{}); !slices.Equal(got, []string{"a unlisted", "b disabled"}) || !strings.Contains(out.Error, "no credential lists") {
		t.Errorf("unknown model: %v, %q", got, out.Error)
	}
	if got, out := newRig(t).explain("m", executor.Options{}); got != nil || out.Error == "" {
		t.Errorf("without credentials: %v, %q", got, out.Error)
	}
}
