package host

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
)

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
		last := map[*slot]uint64{}
		look := func() {
			for _, s := range m.slots {
				e := s.cur.Load()
				if n := len(published); n > 0 && published[n-1].entry == e {
					continue
				}
				if e.rev < last[s] {
					rt.Fatalf("revision %d follows %d", e.rev, last[s])
				}
				last[s] = e.rev
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

// TestI14NobodyWaitsForTheDisabled: the time that a client is told to wait is
// never that of a credential that is switched off.
func TestI14NobodyWaitsForTheDisabled(t *testing.T) {
	m := New(Options{})
	defer m.Close(t.Context())
	m.RegisterExecutor(idle{})
	for i, id := range []string{"off", "on"} {
		a := &auth.Auth{ID: id, Provider: "p"}
		a.SetDeclaredModels([]string{"m"})
		if _, err := m.Register(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		hint := time.Duration(1+10*i) * time.Minute
		m.MarkResult(t.Context(), auth.Result{AuthID: id, Model: "m", RetryAfter: &hint, Error: &auth.Error{HTTPStatus: 429}})
	}
	if _, err := m.Change(t.Context(), "off", func(a *auth.Auth) error { a.Disabled = true; return nil }); err != nil {
		t.Fatal(err)
	}
	r, err := m.newRequest(t.Context(), []string{"p"}, executor.Request{Model: "m"}, executor.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if until := m.index.Survey(m.query(r)).Earliest; time.Until(until) < 5*time.Minute {
		t.Errorf("the wait ends at %s, which is the disabled one's", until)
	}
}
