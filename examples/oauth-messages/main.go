// Oauth-messages is a provider whose API speaks Anthropic's messages, behind an
// OAuth login in a browser. Its refresh tokens can be used once.
package main

import (
	guest "github.com/patchbay-dev/patchbay/sdk-guest"
	"github.com/patchbay-dev/patchbay/sdk-guest/jsonspan"
	"github.com/patchbay-dev/patchbay/sdk-guest/openai"
)

func main() {}

var _ = guest.Register(guest.Provider{
	Key:     "oauth-messages",
	Execute: execute,
	Models: func(r *guest.Request) guest.Answer {
		return api(r.Get("base_url", "v1", "models")).OpenAIModels()
	},
	Events:  events,
	Login:   login,
	Refresh: refresh,
	Steps: map[string]func(*guest.Request) guest.Answer{
		"answered":  answered,
		"logged-in": exchanged,
		"refreshed": exchanged,
	},
})

func api(s *guest.Send) *guest.Send {
	return s.Bearer("access_token").Header("Anthropic-Version", "2023-06-01")
}

func execute(r *guest.Request) guest.Answer {
	r.Keep("id", "chatcmpl-"+r.Attempt.ID)
	r.Keep("model", r.Model())
	send := api(r.Post("base_url", "v1", "messages").JSON(messages(r)))
	if r.Streams() {
		return send.SSE().Events()
	}
	return send.Whole("answered")
}

// maxTokens is what is asked for when the client does not say: the API wants to
// be told.
const maxTokens = "4096"

// messages is the client's request as the API wants it: text only, and what the
// system says apart from the rest.
func messages(r *guest.Request) []byte {
	body := jsonspan.Get(r.Body)
	b := append(make([]byte, 0, len(r.Body)+128), `{"model":`...)
	b = jsonspan.AppendString(b, r.Model())
	b = append(b, `,"max_tokens":`...)
	if most := body.Get("max_tokens"); most.Kind() == jsonspan.Number {
		b = append(b, most...)
	} else {
		b = append(b, maxTokens...)
	}
	system, turns := "", []byte(nil)
	for m := range body.Get("messages").Items() {
		role, text := m.Get("role").Text(), openai.Text(m.Get("content"))
		if role == "system" || role == "developer" {
			system += text
			continue
		}
		if turns != nil {
			turns = append(turns, ',')
		}
		turns = append(turns, `{"role":`...)
		turns = jsonspan.AppendString(turns, role)
		turns = append(turns, `,"content":`...)
		turns = append(jsonspan.AppendString(turns, text), '}')
	}
	if system != "" {
		b = append(b, `,"system":`...)
		b = jsonspan.AppendString(b, system)
	}
	b = append(append(append(b, `,"messages":[`...), turns...), ']')
	if r.Streams() {
		b = append(b, `,"stream":true`...)
	}
	return append(b, '}')
}

// answered maps a whole answer.
func answered(r *guest.Request) guest.Answer {
	if !r.Response.OK() {
		return r.FailUpstream()
	}
	v, text := r.Response.JSON(), ""
	for part := range v.Get("content").Items() {
		text += part.Get("text").Text()
	}
	usage := guest.Usage{InputTokens: v.Get("usage", "input_tokens").Int(), OutputTokens: v.Get("usage", "output_tokens").Int()}
	r.Usage(usage)
	head := openai.Head{ID: r.Kept("id"), Model: r.Kept("model")}
	return r.Reply(head.AppendCompletion(nil, text, reason(v.Get("stop_reason")), usage))
}

// events maps a stream.
func events(b *guest.Batch) guest.Answer {
	head := openai.Head{ID: b.Kept("id"), Model: b.Kept("model")}
	for i := range b.Events {
		v := jsonspan.Get(b.Events[i].Data)
		switch kind := v.Get("type"); {
		case kind.Is("message_start"):
			b.KeepInt("in", v.Get("message", "usage", "input_tokens").Int())
			b.Emit(head.AppendRole(b.Scratch()))
		case kind.Is("content_block_delta") && v.Get("delta", "type").Is("text_delta"):
			b.Emit(head.AppendContent(b.Scratch(), v.Get("delta", "text")))
		case kind.Is("message_delta"):
			b.Usage(guest.Usage{InputTokens: b.KeptInt("in"), OutputTokens: v.Get("usage", "output_tokens").Int()})
			b.Emit(head.AppendFinish(b.Scratch(), reason(v.Get("delta", "stop_reason"))))
		case kind.Is("message_stop"):
			return b.End()
		case kind.Is("error"):
			return b.Fail(guest.Fail{Code: guest.CodeTransient, Message: v.Get("error", "message").Text(), Retryable: true})
		}
	}
	if b.Ended() {
		return b.Broken() // without message_stop it is not complete
	}
	return b.More()
}

func reason(v jsonspan.Value) string {
	if v.Is("max_tokens") {
		return "length"
	}
	return "stop"
}
