package host_test

import (
	"testing"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/selector"
)

// TestCase09CursorsAreBounded: a selector keeps as many cursors as it may and
// no more, and the ones in use survive. That the bound holds at two is shown in
// the selector's own tests; here a manager is asked for more models than that.
func TestCase09CursorsAreBounded(t *testing.T) {
	r := newRig(t, func(o *host.Options) { o.Selector = bySlice{&selector.RoundRobinSelector{}} })
	r.RegisterExecutor(fails("p", nil))
	for _, id := range []string{"a", "b"} {
		r.add(auth.Auth{ID: id, Provider: "p"}, "m1", "m2", "m3")
	}
	for _, want := range []string{"a", "b", "a"} {
		for _, model := range []string{"m1", "m2", "m3"} {
			r.answers(want)(model, "p")
		}
	}
}

// TestCase10AccountsTakeTurns: with two accounts behind the credentials, each
// account gets half of the requests, however many credentials it has.
func TestCase10AccountsTakeTurns(t *testing.T) {
	for _, attribute := range []string{auth.AttrVirtualParent, auth.AttrGroup} {
		r := newRig(t)
		p := fails("p", nil)
		r.RegisterExecutor(p)
		for id, parent := range map[string]string{"a": "P1", "b": "P1", "c": "P2"} {
			r.add(auth.Auth{ID: id, Provider: "p", Attributes: map[string]string{attribute: parent}}, "m")
		}
		count := map[string]int{}
		for range 8 {
			id, err := r.ask("m", "p")
			if err != nil {
				t.Fatal(err)
			}
			count[id]++
		}
		same(t, attribute+": a", count["a"], 2)
		same(t, attribute+": b", count["b"], 2)
		same(t, attribute+": c", count["c"], 4)

		r.addAll("p", "d") // belongs to nobody: all take turns one by one
		clear(count)
		for range 8 {
			id, _ := r.ask("m", "p")
			count[id]++
		}
		for _, id := range []string{"a", "b", "c", "d"} {
			same(t, attribute+": flat, "+id, count[id], 2)
		}
	}
}

// TestCase14WebsocketClients: a client on a websocket gets a credential that
// speaks it too, where the provider does at all and one can be had.
func TestCase14WebsocketClients(t *testing.T) {
	for provider, want := range map[string]string{"codex": "b,b", "p": "a,b"} {
		r := newRig(t)
		r.RegisterExecutor(fails(provider, nil))
		r.add(auth.Auth{ID: "a", Provider: provider}, "m")
		r.add(auth.Auth{ID: "b", Provider: provider, Attributes: map[string]string{auth.AttrWebsockets: "true"}}, "m")
		ask := func() string {
			resp, err := r.Execute(executor.WithDownstreamWebsocket(t.Context()), []string{provider}, request("m"), executor.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return string(resp.Payload)
		}
		same(t, provider, ask()+","+ask(), want)
		r.block("b", "m", 500, 0)
		same(t, provider+" when none speaks it", ask(), "a")
	}
}
