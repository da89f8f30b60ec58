// Jobs is a provider that answers a submission with a job, which is polled.
package main

import (
	"time"

	guest "github.com/patchbay-dev/patchbay/sdk-guest"
	"github.com/patchbay-dev/patchbay/sdk-guest/openai"
)

func main() {}

var _ = guest.Register(guest.Provider{
	Key: "jobs",
	Execute: func(r *guest.Request) guest.Answer {
		return r.Post("base_url", "jobs").Bearer("api_key").ClientBody().Whole("submitted")
	},
	Steps: map[string]func(*guest.Request) guest.Answer{
		"submitted": func(r *guest.Request) guest.Answer {
			id := r.Response.JSON("id").Text()
			if id == "" {
				return r.FailUpstream()
			}
			r.Keep("job", id)
			return r.Sleep(pace, "look")
		},
		"look": func(r *guest.Request) guest.Answer {
			return r.Get("base_url", "jobs", r.Kept("job")).Bearer("api_key").ResumeOnError().Whole("looked")
		},
		"looked": looked,
	},
	Cancel: func(r *guest.Request) guest.Answer {
		if r.Kept("job") == "" {
			return r.Done()
		}
		return r.Request("DELETE", "base_url", "jobs", r.Kept("job")).Bearer("api_key").Pass()
	},
})

const pace = 100 * time.Millisecond

func looked(r *guest.Request) guest.Answer {
	switch r.Response.JSON("status").Text() {
	case "running", "queued":
		return r.Sleep(pace, "look")
	case "done":
		usage := guest.Usage{InputTokens: r.Response.JSON("usage", "input").Int(), OutputTokens: r.Response.JSON("usage", "output").Int()}
		r.Usage(usage)
		head := openai.Head{ID: "chatcmpl-" + r.Kept("job"), Model: r.Model(), Created: r.Attempt.StartedMS / 1000}
		return r.Reply(head.AppendCompletion(nil, r.Response.JSON("text").Text(), "stop", usage))
	}
	// The job was started: another credential would pay for it again.
	return r.Fail(guest.Fail{
		Code: guest.CodeTransient, Message: "the job failed: " + r.Response.JSON("error").Text(), Committed: true,
	})
}
