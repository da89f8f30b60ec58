package guest_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/abi"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

// TestWhatIsKeptComesBack makes calls that keep and read values, each in a
// guest of its own, and holds them against a map.
func TestWhatIsKeptComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		model := map[string]string{}
		var state []byte
		for range rapid.IntRange(1, 6).Draw(rt, "calls") {
			changed := false
			g := guest.Native("p", guest.Provider{Key: "p", Steps: map[string]func(*guest.Request) guest.Answer{
				"go": func(r *guest.Request) guest.Answer {
					for range rapid.IntRange(0, 5).Draw(rt, "keeps") {
						name := rapid.SampledFrom([]string{"a", "b", "", "ü", "long-name"}).Draw(rt, "name")
						value := rapid.StringN(0, 200, -1).Draw(rt, "value")
						changed = changed || model[name] != value
						r.Keep(name, value)
						if model[name] = value; value == "" {
							delete(model, name)
						}
					}
					for name, value := range model {
						if got := r.Kept(name); got != value {
							rt.Fatalf("Kept(%q) = %q, want %q", name, got, value)
						}
					}
					if got := r.Kept("never"); got != "" {
						rt.Fatalf("Kept of nothing = %q", got)
					}
					return r.End()
				},
			}})
			list := call(t, g, abi.OpResume, &abi.ResumeInput{
				Op: abi.OpExecute, Step: "go", State: state, Attempt: attempt("p", "m", abi.KindStream),
				Which: abi.ResumeInputIsSleptMS, SleptMS: 100,
			})
			if changed != (list.State != nil) {
				rt.Fatalf("changed is %v, state %q", changed, list.State)
			}
			if list.State != nil {
				state = list.State
			}
		}
	})
}

func TestNumbersAreKept(t *testing.T) {
	g := guest.Native("p", guest.Provider{Key: "p", Execute: func(r *guest.Request) guest.Answer {
		r.KeepInt("n", -5)
		r.KeepInt("zero", 0)
		r.Keep("text", "x")
		if r.KeptInt("n") != -5 || r.KeptInt("zero") != 0 || r.KeptInt("text") != 0 || r.KeptInt("none") != 0 {
			t.Error("a number is not what was kept")
		}
		return r.End()
	}})
	call(t, g, abi.OpExecute, execute("p", "m", abi.KindStream, ""))
}

// FuzzStateNeverPanics gives a provider a state that no Keep wrote.
func FuzzStateNeverPanics(f *testing.F) {
	f.Add([]byte("\x01a\x01b"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte("\x05a"))
	g := guest.Native("p", guest.Provider{Key: "p", Events: func(b *guest.Batch) guest.Answer {
		b.Keep("b", b.Kept("a")+"x")
		return b.More()
	}})
	f.Fuzz(func(t *testing.T, state []byte) {
		call(t, g, abi.OpEvents, &abi.EventsInput{State: state, EOF: abi.EOFNone})
	})
}
