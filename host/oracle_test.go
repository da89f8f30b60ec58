package host_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/selector"
)

// zeros is no chance at all: the first account begins, as with the selectors here.
type zeros struct{}

func (zeros) Uint64() uint64 { return 0 }

// bySlice hides from the manager that a selector is one of ours, so that it is
// asked with a slice of all candidates.
type bySlice struct{ auth.Selector }

// TestIndexAnswersLikeTheSelectors runs two managers through the same history,
// one that picks from the index and one whose selector looks at everything.
func TestIndexAnswersLikeTheSelectors(t *testing.T) {
	for name, of := range map[string]func(*clock) (indexed, slice auth.Selector){
		"round robin": func(c *clock) (indexed, slice auth.Selector) {
			return nil, bySlice{selector.NewRoundRobin(c.Now, func(int) int { return 0 })}
		},
		"fill first": func(c *clock) (indexed, slice auth.Selector) {
			return &host.FillFirstSelector{}, bySlice{selector.NewFillFirst(c.Now)}
		},
		"weighted": func(c *clock) (indexed, slice auth.Selector) {
			return &host.WeightedSelector{}, bySlice{selector.NewWeighted(c.Now)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { compare(t, rt, of) })
		})
	}
}

func compare(t *testing.T, rt *rapid.T, of func(*clock) (indexed, slice auth.Selector)) {
	c := newClock()
	indexed, slice := of(c)
	failing := map[string]error{}
	managers := []*host.Manager{}
	for _, s := range []auth.Selector{indexed, slice} {
		m := host.New(host.Options{Clock: c, Selector: s, Rand: rand.New(zeros{})})
		defer m.Close(context.Background())
		m.RegisterExecutor(fails("p", failing))
		managers = append(managers, m)
	}
	ctx := t.Context()
	// A lane without members forgets its cursor, and so does a group.
	for i, keeper := range []string{"w", "x", "y", "z"} {
		a := auth.Auth{ID: keeper, Provider: "p", Disabled: true, Attributes: priority(strconv.Itoa(i % 2))}
		a.Attributes[auth.AttrGroup] = []string{"one", "two"}[i/2]
		a.SetDeclaredModels([]string{"m", "n"})
		for _, m := range managers {
			if _, err := m.Register(ctx, &a); err != nil {
				rt.Fatal(err)
			}
		}
	}
	id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
	model := rapid.SampledFrom([]string{"m", "n", "n(high)"})
	rt.Repeat(map[string]func(*rapid.T){
		"register": func(rt *rapid.T) {
			a := auth.Auth{ID: id.Draw(rt, "id"), Provider: "p", Attributes: priority(strconv.Itoa(rapid.IntRange(0, 1).Draw(rt, "priority")))}
			a.Attributes[auth.AttrWeight] = rapid.SampledFrom([]string{"", "1", "2", "7", "100", "-4", "x"}).Draw(rt, "weight")
			a.Attributes[auth.AttrGroup] = rapid.SampledFrom([]string{"", "one", "two", "two"}).Draw(rt, "group")
			a.Attributes[auth.AttrWebsockets] = rapid.SampledFrom([]string{"", "true"}).Draw(rt, "websockets")
			a.Disabled = rapid.IntRange(0, 5).Draw(rt, "disabled") == 0
			a.SetDeclaredModels(rapid.SampledFrom([][]string{{"m"}, {"m", "n"}}).Draw(rt, "models"))
			for _, m := range managers {
				if _, err := m.Register(ctx, &a); err != nil {
					rt.Fatal(err)
				}
			}
		},
		"remove": func(rt *rapid.T) {
			gone := id.Draw(rt, "id")
			for _, m := range managers {
				m.Remove(ctx, gone)
			}
		},
		"mark": func(rt *rapid.T) {
			res := auth.Result{AuthID: id.Draw(rt, "id"), Model: rapid.SampledFrom([]string{"m", "n", ""}).Draw(rt, "model")}
			code := rapid.SampledFrom([]int{0, 429, 500, 404}).Draw(rt, "status")
			res.Success = code == 0
			if !res.Success {
				res.Error = &auth.Error{HTTPStatus: code}
				hint := time.Duration(rapid.IntRange(1, 20).Draw(rt, "hint")) * time.Second
				res.RetryAfter = &hint
				res.CredentialScope = rapid.Bool().Draw(rt, "whole")
			}
			for _, m := range managers {
				m.MarkResult(ctx, res)
			}
		},
		"pass": func(rt *rapid.T) { c.pass(time.Duration(rapid.IntRange(0, 90).Draw(rt, "s")) * time.Second) },
		"fail": func(rt *rapid.T) {
			failing[id.Draw(rt, "id")] = rapid.SampledFrom([]error{nil, status(500), status(422)}).Draw(rt, "error")
		},
		"ask": func(rt *rapid.T) {
			name := model.Draw(rt, "model")
			var answers []string
			for _, m := range managers {
				resp, err := m.Execute(ctx, []string{"p"}, request(name), executor.Options{})
				answer := string(resp.Payload)
				if err != nil {
					// What a provider said; of the core's own errors the words differ.
					answer = "none"
					if up := new(executor.UpstreamError); errors.As(err, &up) {
						answer = up.Error()
					}
				}
				answers = append(answers, answer)
			}
			if answers[0] != answers[1] {
				rt.Fatalf("%s: the index says %s, the selector %s", name, answers[0], answers[1])
			}
		},
	})
}
