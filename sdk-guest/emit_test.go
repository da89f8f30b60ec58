package guest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/abi"
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
)

// TestEveryPayloadArrivesAsItWasEmitted mixes payloads made in Scratch, some of
// which outgrow it, with others, over calls that share their memory.
func TestEveryPayloadArrivesAsItWasEmitted(t *testing.T) {
	var emit func(*guest.Request)
	g := guest.Native("p", guest.Provider{Key: "p", Execute: func(r *guest.Request) guest.Answer {
		emit(r)
		return r.End()
	}})
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(1, 3).Draw(rt, "calls") {
			var want []string
			emit = func(r *guest.Request) {
				for i := range rapid.IntRange(0, 40).Draw(rt, "payloads") {
					size := rapid.SampledFrom([]int{0, 1, 500, 1023, 1024, 5000, 20_000}).Draw(rt, "size")
					text := strings.Repeat(string(rune('a'+i%26)), size)
					want = append(want, text)
					switch rapid.IntRange(0, 3).Draw(rt, "how") {
					case 0:
						r.Emit([]byte(text))
					case 1:
						r.Usage(guest.Usage{})
						fallthrough
					default:
						r.Emit(append(r.Scratch(), text...))
					}
				}
			}
			list := call(t, g, abi.OpExecute, execute("p", "m", abi.KindStream, ""))
			if diff := cmp.Diff(want, payloads(list)); diff != "" {
				rt.Fatal(diff)
			}
		}
	})
}
