package guest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/abi"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

func TestAnOpThatIsNotOfferedIsUnsupported(t *testing.T) {
	g := guest.Native("p", guest.Provider{Key: "p"})
	for op, in := range map[abi.Op]abi.Message{
		abi.OpExecute: execute("p", "m", abi.KindExecute, "{}"),
		abi.OpModels:  &abi.ModelsInput{Provider: "p"},
		abi.OpEvents:  &abi.EventsInput{EOF: abi.EOFNone},
		abi.OpLogin:   &abi.LoginInput{Provider: "p"},
		abi.Op(99):    &abi.CancelInput{},
	} {
		a := last(call(t, g, op, in))
		if a.Which != abi.ActionIsUnsupported || a.Unsupported.What == "" {
			t.Errorf("%s: action is %s, want unsupported", op, a.Which)
		}
	}
}

func TestWhatIsNotThereFails(t *testing.T) {
	g := guest.Native("p", guest.Provider{
		Key:     "p",
		Execute: func(*guest.Request) guest.Answer { return guest.Answer{} },
	})
	for name, c := range map[string]struct {
		op   abi.Op
		in   abi.Message
		want string
	}{
		"no answer":   {abi.OpExecute, execute("p", "m", abi.KindExecute, "{}"), "no answer"},
		"no provider": {abi.OpExecute, execute("q", "m", abi.KindExecute, "{}"), "no provider q"},
		"no attempt":  {abi.OpExecute, &abi.ExecuteInput{}, "no provider"},
		"no step":     {abi.OpResume, &abi.ResumeInput{Op: abi.OpExecute, Step: "lost", Attempt: attempt("p", "m", abi.KindExecute), Which: abi.ResumeInputIsSleptMS, SleptMS: 100}, "no step lost"},
	} {
		if f := wantFail(t, call(t, g, c.op, c.in), guest.CodeTransient); !strings.Contains(f.Message, c.want) {
			t.Errorf("%s: message is %q, without %q", name, f.Message, c.want)
		}
	}
	for _, op := range []abi.Op{abi.OpInit, abi.OpExecute, abi.OpEvents, abi.OpResume, abi.OpClassify, abi.OpModels} {
		out, err := g.Call(t.Context(), op, []byte{0xff}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var list abi.ActionList
		if err := abi.DecodeStrict(out, &list); err != nil {
			t.Fatal(err)
		}
		wantFail(t, list, guest.CodeTransient)
	}
}

func TestInitStoresWhatTheHostSays(t *testing.T) {
	var seen *guest.Setup
	g := guest.Native("p", guest.Provider{
		Key: "p",
		Init: func(s *guest.Setup) error {
			if s.Config("region").Text() == "" {
				return errors.New("region is missing")
			}
			return nil
		},
		Execute: func(r *guest.Request) guest.Answer {
			seen = r.Setup()
			return r.Reply([]byte(r.Config("region")))
		},
	})
	in := &abi.InitInput{HostVersion: "v1", ABI: 1, Features: []string{"edits"}, Limits: &abi.Limits{Steps: 9}, Config: []byte(`{"region":"eu"}`)}
	if a := last(call(t, g, abi.OpInit, &abi.InitInput{ABI: 1, Config: []byte(`{}`)})); a.Which != abi.ActionIsFail || a.Fail.Message != "region is missing" {
		t.Errorf("action is %s", a.Which)
	}
	if a := last(call(t, g, abi.OpInit, &abi.InitInput{ABI: 2})); a.Which != abi.ActionIsFail {
		t.Errorf("another version of the contract gives %s", a.Which)
	}
	raw := abi.AppendMessage(nil, in)
	if _, err := g.Call(t.Context(), abi.OpInit, raw, nil); err != nil {
		t.Fatal(err)
	}
	clear(raw) // what was said at the start outlives its buffer
	if a := last(call(t, g, abi.OpExecute, execute("p", "m", abi.KindExecute, ""))); string(a.Reply.Body) != `"eu"` {
		t.Errorf("config is %s", a.Reply.Body)
	}
	if !seen.Has("edits") || seen.Has("hold") || seen.HostVersion != "v1" || seen.Limits.Steps != 9 {
		t.Errorf("setup is %+v", seen)
	}
}

func TestABadRegistrationPanics(t *testing.T) {
	for name, providers := range map[string][]guest.Provider{
		"no key": {{}}, "slash": {{Key: "a/b"}}, "twice": {{Key: "a"}, {Key: "a"}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			guest.Native("p", providers...)
		}()
	}
}

// TestSeveralProvidersAreKeptApart follows steps of the same name through a
// plugin with two providers. Op events does not name the provider.
func TestSeveralProvidersAreKeptApart(t *testing.T) {
	provider := func(key string) guest.Provider {
		return guest.Provider{
			Key:     key,
			Execute: func(r *guest.Request) guest.Answer { return r.Sleep(time.Second, "next") },
			Steps: map[string]func(*guest.Request) guest.Answer{
				"next": func(r *guest.Request) guest.Answer { return r.Post("base_url").Step("live").Events() },
			},
			Events: func(b *guest.Batch) guest.Answer {
				b.Emit([]byte(key + " " + b.Step))
				return b.More()
			},
			Classify: func(r *guest.Request) guest.Answer { return r.Fail(guest.Fail{Code: key + " " + r.Step}) },
		}
	}
	g := guest.Native("two", provider("one"), provider("other"))
	for _, key := range []string{"one", "other"} {
		sleep := last(call(t, g, abi.OpExecute, execute(key, "m", abi.KindStream, "{}"))).Sleep
		if sleep == nil || sleep.MS != 1000 {
			t.Fatalf("sleep is %+v", sleep)
		}
		send := last(call(t, g, abi.OpResume, &abi.ResumeInput{
			Op: abi.OpExecute, Step: sleep.Step, Attempt: attempt(key, "m", abi.KindStream),
			Which: abi.ResumeInputIsSleptMS, SleptMS: 1000,
		})).Send
		list := call(t, g, abi.OpEvents, &abi.EventsInput{Op: abi.OpExecute, Step: send.Step, EOF: abi.EOFClean})
		if diff := cmp.Diff([]string{key + " live"}, payloads(list)); diff != "" {
			t.Error(diff)
		}
		if last(list).Which != abi.ActionIsEnd {
			t.Errorf("action is %s", last(list).Which)
		}
		wantFail(t, call(t, g, abi.OpClassify, &abi.ClassifyInput{
			Op: abi.OpExecute, Step: send.Step, Attempt: attempt(key, "m", abi.KindStream), Response: &abi.Response{Status: 500},
		}), key+" live")
	}
	wantFail(t, call(t, g, abi.OpEvents, &abi.EventsInput{Op: abi.OpExecute, Step: "nobody/live", EOF: abi.EOFNone}), guest.CodeTransient)
}

func TestTheEndOfAStreamIsTold(t *testing.T) {
	g := guest.Native("p", guest.Provider{Key: "p", Events: (*guest.Batch).More})
	for eof, want := range map[abi.Eof]abi.ActionWhich{
		abi.EOFUnspecified: abi.ActionIsWait, abi.EOFNone: abi.ActionIsWait, abi.EOFClean: abi.ActionIsEnd,
		abi.EOFReset: abi.ActionIsFail, abi.EOFIdle: abi.ActionIsFail,
	} {
		if a := last(call(t, g, abi.OpEvents, &abi.EventsInput{EOF: eof})); a.Which != want {
			t.Errorf("%s: action is %s, want %s", eof, a.Which, want)
		}
	}
}
