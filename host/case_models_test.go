package host_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/settings"
)

type modelAlias = host.OAuthModelAlias

// listed returns the ids of all models on offer.
func (r *rig) listed() []string {
	var ids []string
	for _, info := range r.ListModels() {
		ids = append(ids, info.ID)
	}
	return ids
}

// upstreams returns the model names that the provider got.
func (p *provider) upstreams() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.models)
}

func TestCase47Aliases(t *testing.T) {
	kinds := map[string]string{
		"gemini-cli": "gemini-cli", "vertex": "vertex", "aistudio": "aistudio", "antigravity": "antigravity", "claude": "claude",
		"codex": "codex", "qwen": "qwen", "iflow": "iflow", "kimi": "kimi", "gemini": "", "openai": "", "": "",
	}
	for provider, want := range kinds {
		same(t, provider, host.OAuthModelAliasChannel(" "+provider+" ", "OAuth"), want)
		same(t, provider+" with a key", host.OAuthModelAliasChannel(provider, "apikey"), "")
	}

	r := newRig(t)
	p := fails("claude", nil)
	r.RegisterExecutor(p)
	r.add(auth.Auth{ID: "a", Provider: "claude"}, "big-2", "fixed", "self", "plain")
	r.SetOAuthModelAlias(map[string][]modelAlias{"Claude": {
		{Name: "big-2", Alias: "g"}, {Name: "fixed(low)", Alias: "f"}, {Name: "self", Alias: "Self"}, {Name: "plain", Alias: "p", Fork: true},
	}})
	sameList(t, "listed", r.listed(), "f", "fixed", "g", "p", "plain", "self")
	for _, c := range [][2]string{
		{"g", "big-2"}, {"g(8192)", "big-2(8192)"}, {"f(high)", "fixed(low)"}, {"self(1)", "self(1)"}, {"p", "plain"}, {"plain", "plain"},
	} {
		r.answers("a")(c[0], "claude")
		got := p.upstreams()
		same(t, c[0], got[len(got)-1], c[1])
	}
	_, err := r.ask("big-2", "claude")
	same(t, "a name that an alias took the place of", codeOf(err), auth.CodeModelNotFound)

	r.SetOAuthModelAlias(nil)
	sameList(t, "listed without a table", r.listed(), "big-2", "fixed", "plain", "self")
	r.answers("a")("big-2", "claude")
}

// compat makes a rig with one credential of provider p whose configuration has
// the aliases.
func compat(t *testing.T, errs map[string]error, aliases ...modelAlias) (*rig, *provider) {
	t.Helper()
	r := newRig(t)
	p := &provider{name: "p"}
	p.do = func(_ context.Context, a *auth.Auth, req executor.Request, _ executor.Options) (executor.Response, error) {
		return executor.Response{Payload: []byte(a.ID + " " + req.Model)}, errs[req.Model]
	}
	r.RegisterExecutor(p)
	r.add(auth.Auth{ID: "a", Provider: "p", Attributes: map[string]string{auth.AttrAPIKey: "k"}}, "u1", "u2")
	r.SetConfig(&host.Config{Credentials: []settings.Credential{{Provider: "P", Secrets: map[string]string{"api_key": "k"}, Aliases: aliases}}})
	return r, p
}

func pool() []modelAlias { return []modelAlias{{Name: "u1", Alias: "x"}, {Name: "u2", Alias: "x"}} }

func TestCase48Pools(t *testing.T) {
	r, _ := compat(t, nil, pool()...)
	sameList(t, "listed", r.listed(), "x")
	r.answers("a u1", "a u2", "a u1")("x", "p")
	r.answers("a u2(high)")("x(high)", "p")

	// A member that fails cools alone, and the other is asked in its place.
	errs := map[string]error{"u1": status(500)}
	r, p := compat(t, errs, pool()...)
	r.add(auth.Auth{ID: "b", Provider: "p", Attributes: map[string]string{auth.AttrAuthKind: "oauth"}}, "x")
	r.SetRetryConfig(0, 0, 1)
	r.answers("a u2")("x", "p")
	sameList(t, "asked", p.upstreams(), "u1", "u2")
	same(t, "u1", r.state("a", "u1").NextRetryAfter.Sub(r.clock.Now()), time.Minute)
	same(t, "u2", r.state("a", "u2").Status, auth.StatusActive)

	// One that is blocked is passed over and costs no credential.
	same(t, "the next", must(r.ask("x", "p")), "b x")
	r.answers("a u2")("x", "p")
	sameList(t, "asked", p.upstreams(), "u1", "u2", "x", "u2")

	// When all are blocked so is the credential, until the first is free again.
	errs["u2"] = status(500)
	r.clock.pass(30 * time.Second)
	r.SetRetryConfig(0, 0, 0)
	r.answers("b x", "b x", "b x")("x", "p")
	same(t, "calls", len(p.upstreams()), 8)
	r.clock.pass(30 * time.Second)
	delete(errs, "u1")
	r.answers("a u1")("x", "p")

	// A fault of the request ends the pool.
	r, p = compat(t, map[string]error{"u1": status(422)}, pool()...)
	_, err := r.ask("x", "p")
	same(t, "status", statusOf(err), 422)
	sameList(t, "asked", p.upstreams(), "u1")
}

func must(s string, err error) string {
	if err != nil {
		return err.Error()
	}
	return s
}

// TestAliasCoolsUnderItsTarget: an account's alias shares the cooldown of what
// it stands for; an API key's is remembered as clients call it.
func TestAliasCoolsUnderItsTarget(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("claude", map[string]error{"a": hinted(429, time.Minute)}))
	r.add(auth.Auth{ID: "a", Provider: "claude", Prefix: "team"}, "up", "other")
	r.SetOAuthModelAlias(map[string][]modelAlias{"claude": {{Name: "up", Alias: "x", Fork: true}}})
	_, err := r.ask("team/x", "claude")
	same(t, "the first answer", statusOf(err), 429)
	same(t, "state", r.state("a", "up").Quota.Exceeded, true)
	for _, name := range []string{"x", "up", "team/x", "team/up(high)"} {
		cooling := new(host.CooldownError)
		if _, err := r.ask(name, "claude"); !errors.As(err, &cooling) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = r.ask("other", "claude")
	same(t, "a model that is not concerned was asked", statusOf(err), 429)

	r, _ = compat(t, map[string]error{"up": &executor.UpstreamError{Status: 404, Message: "there is no model UP"}}, modelAlias{Name: "up", Alias: "x"})
	_, err = r.ask("x", "p")
	same(t, "status", statusOf(err), 404)
	same(t, "the wait of a model that is not there", r.state("a", "x").NextRetryAfter.Sub(r.clock.Now()), 12*time.Hour)
}

// TestOwnAliasesOfACredential come with the record and change with it.
func TestOwnAliasesOfACredential(t *testing.T) {
	r := newRig(t)
	p := fails("p", nil)
	r.RegisterExecutor(p)
	r.add(auth.Auth{ID: "a", Provider: "p", Attributes: map[string]string{auth.AttrModelAliases: `[{"name":"m","alias":"mine"}]`}}, "m", "n")
	sameList(t, "listed", r.listed(), "mine", "n")
	r.answers("a")("mine(low)", "p")
	sameList(t, "asked", p.upstreams(), "m(low)")
	a, _ := r.GetByID("a")
	delete(a.Attributes, auth.AttrModelAliases)
	if _, err := r.Update(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	sameList(t, "listed after the update", r.listed(), "m", "n")
}

// TestSetConfig: reloads keep what was learned, forced prefixes leave no plain
// name, and nil is an empty configuration.
func TestSetConfig(t *testing.T) {
	r := newRig(t)
	r.RegisterExecutor(fails("p", nil))
	r.add(auth.Auth{ID: "a", Provider: "p", Prefix: "team"}, "m", "n")
	r.block("a", "m", 429, time.Hour)
	r.SetConfig(&host.Config{Routing: settings.Routing{ForceModelPrefix: true}})
	sameList(t, "listed", r.listed(), "team/m", "team/n")
	_, err := r.ask("n", "p")
	same(t, "the plain name", codeOf(err), auth.CodeModelNotFound)
	r.answers("a")("team/n", "p")
	_, err = r.ask("team/m", "p")
	same(t, "the block stays", statusOf(err), 429)
	r.SetConfig(nil)
	r.answers("a")("n", "p")
	_, err = r.ask("m", "p")
	same(t, "the block stays", statusOf(err), 429)
	r.SetConfig(&host.Config{Cooldown: settings.Cooldown{Disabled: true}})
	r.answers("a")("m", "p")
}

func TestCase49Index(t *testing.T) {
	r := newRig(t)
	indexes := map[string]bool{}
	for id, base := range map[string]string{"a": "https://one", "b": "https://two"} {
		r.add(auth.Auth{ID: id, Provider: "p", Attributes: map[string]string{auth.AttrAPIKey: "k", auth.AttrBaseURL: base}})
		a, _ := r.GetByID(id)
		same(t, "length", len(a.Index), 16)
		same(t, "of a clone", a.Clone().EnsureIndex(), a.Index)
		indexes[a.Index] = true
	}
	same(t, "indexes", len(indexes), 2)
}

// TestManagersShareNothing: two managers, at two times and with other names,
// selectors and switches, go their own ways side by side.
func TestManagersShareNothing(t *testing.T) {
	for name, c := range map[string]struct {
		alias  string
		cooled bool
	}{"one": {"x", true}, "two": {"y", false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cooldown := settings.DefaultCooldown()
			cooldown.Disabled = !c.cooled
			r := newRig(t, func(o *host.Options) { o.Cooldown = cooldown })
			r.RegisterExecutor(fails("claude", nil))
			for round := range 50 {
				r.clock.pass(time.Hour)
				r.add(auth.Auth{ID: "a", Provider: "claude"}, "m")
				r.SetOAuthModelAlias(map[string][]modelAlias{"claude": {{Name: "m", Alias: c.alias}}})
				sameList(t, "listed", r.listed(), c.alias)
				r.answers("a")(c.alias, "claude")
				r.block("a", "m", 429, time.Duration(round+1)*time.Second)
				_, err := r.ask(c.alias, "claude")
				same(t, "cooling", err != nil, c.cooled)
			}
		})
	}
}

// TestGroupsOfAliases: accounts that call one model differently are told apart
// by their own cooldowns.
func TestGroupsOfAliases(t *testing.T) {
	for name, s := range map[string]auth.Selector{"round robin": nil, "fill first": &host.FillFirstSelector{}} {
		r := newRig(t, func(o *host.Options) { o.Selector = s })
		r.RegisterExecutor(fails("claude", nil))
		r.SetOAuthModelAlias(map[string][]modelAlias{"claude": {{Name: "up", Alias: "x"}}})
		parent := func(p string) map[string]string { return map[string]string{auth.AttrVirtualParent: p} }
		r.add(auth.Auth{ID: "a", Provider: "claude", Attributes: parent("p1")}, "up")
		b := parent("p2")
		b[auth.AttrModelAliases] = `[{"name":"own","alias":"x"}]`
		r.add(auth.Auth{ID: "b", Provider: "claude", Attributes: b}, "own")
		r.block("a", "up", 429, time.Minute)
		r.answers("b", "b")("x", "claude")
		r.clock.pass(time.Minute)
		r.block("b", "own", 429, time.Minute)
		r.answers("a", "a")("x", "claude")
		r.block("a", "up", 429, 30*time.Second)
		_, err := r.ask("x", "claude")
		cooling := new(host.CooldownError)
		if !errors.As(err, &cooling) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestListingResumesByTime: a model that every credential was refused for comes
// back when the first block ends, without anybody asking for it; one that only
// waits was never gone.
func TestListingResumesByTime(t *testing.T) {
	for status, gone := range map[int]time.Duration{401: 30 * time.Minute, 403: 30 * time.Minute, 404: 5 * time.Minute, 429: 0, 500: 0} {
		r := newRig(t)
		r.addAll("p", "a", "b")
		r.add(auth.Auth{ID: "off", Provider: "p", Disabled: true}, "m", "n")
		r.block("a", "m", status, 0)
		sameList(t, "listed while b serves it", r.listed(), "m")
		r.clock.pass(time.Second)
		r.block("b", "m", status, 0)
		if gone == 0 {
			sameList(t, "listed while all wait", r.listed(), "m")
			continue
		}
		sameList(t, "listed after the refusals", r.listed())
		r.clock.pass(gone - 2*time.Second)
		sameList(t, "listed until the end", r.listed())
		r.clock.pass(time.Second)
		sameList(t, "listed after the first block", r.listed(), "m")
	}
}

// TestResetByAlias: an operator names a model as clients do.
func TestResetByAlias(t *testing.T) {
	r, p := compat(t, map[string]error{"u1": status(500), "u2": status(500)}, append(pool(), modelAlias{Name: "u1", Alias: "y"})...)
	for _, model := range []string{"x", "y"} {
		_, err := r.ask(model, "p")
		same(t, "status", statusOf(err), 500)
		asked := len(p.upstreams())
		reset, err := r.ResetCooldown(t.Context(), "a", model)
		same(t, "reset", reset, true)
		same(t, "error", err, nil)
		_, err = r.ask(model, "p")
		same(t, "status after the reset", statusOf(err), 500)
		same(t, "calls after the reset", len(p.upstreams()) > asked, true)
	}
}

// TestPoolMemberIsTriedOut: of a member whose long block is over one request
// finds out; the others have the rest of the pool meanwhile.
func TestPoolMemberIsTriedOut(t *testing.T) {
	r, p := compat(t, nil, pool()...)
	r.block("a", "u1", 401, 0)
	r.answers("a u2", "a u2")("x", "p")
	r.clock.pass(31 * time.Minute)
	inner := ""
	do := p.do
	p.do = func(c context.Context, a *auth.Auth, req executor.Request, opts executor.Options) (executor.Response, error) {
		if req.Model == "u1" && inner == "" {
			inner = "asking"
			inner = must(r.ask("x", "p")) + ", " + must(r.ask("x", "p"))
		}
		return do(c, a, req, opts)
	}
	for range 2 { // one of them begins with u1
		if _, err := r.ask("x", "p"); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "what others get meanwhile", inner, "a u2, a u2")
	same(t, "the state of what was tried out", r.state("a", "u1").Status, auth.StatusActive)
}
