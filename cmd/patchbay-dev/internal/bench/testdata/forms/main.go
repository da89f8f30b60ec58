// Forms is a plugin of two providers for the benchmark: one whose envelopes the
// host takes off, and one that maps each event itself.
package main

import (
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
	"github.com/patchbay-dev/patchbay/sdk-guest/jsonspan"
	"github.com/patchbay-dev/patchbay/sdk-guest/openai"
)

func main() {}

var _ = guest.Register(guest.Provider{
	Key: "envelope",
	Execute: func(r *guest.Request) guest.Answer {
		return r.Post("base_url", "envelope").Bearer("api_key").ClientBody().Unwrap("response").Pass()
	},
})

var _ = guest.Register(guest.Provider{
	Key: "mapped",
	Execute: func(r *guest.Request) guest.Answer {
		r.Keep("id", "chatcmpl-"+r.Attempt.ID)
		r.Keep("model", r.Model())
		return r.Post("base_url", "chat", "completions").Bearer("api_key").ClientBody().Events()
	},
	Events: func(b *guest.Batch) guest.Answer {
		head := openai.Head{ID: b.Kept("id"), Model: b.Kept("model")}
		for i := range b.Events {
			for choice := range jsonspan.Get(b.Events[i].Data, "choices").Items() {
				if text := choice.Get("delta").Get("content"); text.Kind() == jsonspan.String {
					b.Emit(head.AppendContent(b.Scratch(), text))
				}
			}
		}
		return b.More()
	},
})
