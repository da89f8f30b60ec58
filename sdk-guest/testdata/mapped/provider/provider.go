// Package provider maps a made-up upstream to openai-chat. Tests run it
// natively and as a module. The upstream has, under the field base_url and
// with the header X-Key:
//
//	POST generate {"model","turns":[{"who","say"}],"live"}
//	  live: NDJSON or SSE of {"t":"start"}, {"t":"word","say"}, and last
//	        {"t":"stop","why":"done"|"long","in","out"} or {"t":"error","kind","text"}
//	  else: {"say","why","in","out"}
//	POST jobs {"model","turns"} → {"job"}       for models whose name begins with slow
//	GET  jobs/ID → {"state":"running"} | {"state":"done","say","in","out"} | {"state":"failed","text"}
//	GET  voices → {"voices":[{"name"}]}
//
// An error has a status and {"fault":{"kind":"key"|"quota"|"busy"|"input"|"long","text","wait_s"}}.
package provider

import (
	"strings"
	"time"

	guest "github.com/patchbay-dev/patchbay/sdk-guest"
	"github.com/patchbay-dev/patchbay/sdk-guest/jsonspan"
	"github.com/patchbay-dev/patchbay/sdk-guest/openai"
)

// Manifest is the manifest of the plugin, JSON.
const Manifest = `{
  "id": "mapped", "version": "0.1.0", "abi": 1,
  "provides": {"providers": [{
    "key": "mapped", "formats": ["openai-chat"], "modes": ["execute", "stream"],
    "deliver": ["events", "whole"], "on_error": ["classify"], "body": "bytes", "models": {"source": "guest"}}]},
  "credential": {"fields": {
    "base_url": {"kind": "destination", "required": true}, "key": {"kind": "secret", "required": true}}},
  "slots": [{"secret": "key", "destination": "api", "methods": ["GET", "POST"], "position": "header:X-Key"}],
  "destinations": [{"name": "api", "field": "base_url", "methods": ["GET", "POST"]}],
  "capabilities": [{"name": "network", "reason": "It is an API."}],
  "limits": {}
}`

// Mapped returns the provider.
func Mapped() guest.Provider {
	return guest.Provider{
		Key:      "mapped",
		Execute:  execute,
		Models:   models,
		Events:   events,
		Classify: classify,
		Steps: map[string]func(*guest.Request) guest.Answer{
			"generated": generated,
			"submitted": submitted,
			"poll":      poll,
			"polled":    polled,
			"voices":    voices,
		},
	}
}

const pollEvery = 100 * time.Millisecond

func execute(r *guest.Request) guest.Answer {
	r.Keep("id", "chatcmpl-"+r.Attempt.ID)
	r.Keep("model", r.Model())
	if strings.HasPrefix(r.Model(), "slow") {
		return send(r, "jobs").Whole("submitted")
	}
	if r.Streams() {
		return send(r, "generate").Events()
	}
	return send(r, "generate").Whole("generated")
}

func send(r *guest.Request, path string) *guest.Send {
	return r.Post("base_url", path).HeaderParts("X-Key", guest.Secret("key")).JSON(request(r)).Classify()
}

// request writes the client's messages as turns. Contents that are strings are
// not decoded on the way.
func request(r *guest.Request) []byte {
	b := append(make([]byte, 0, len(r.Body)+64), `{"model":`...)
	b = jsonspan.AppendString(b, r.Model())
	b = append(b, `,"turns":[`...)
	first := true
	for message := range jsonspan.Get(r.Body, "messages").Items() {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, `{"who":`...)
		b = jsonspan.AppendString(b, message.Get("role").Text())
		b = append(b, `,"say":`...)
		if content := message.Get("content"); content.Kind() == jsonspan.String {
			b = append(b, content...)
		} else {
			b = jsonspan.AppendString(b, openai.Text(content))
		}
		b = append(b, '}')
	}
	b = append(b, `],"live":`...)
	if r.Streams() {
		return append(b, `true}`...)
	}
	return append(b, `false}`...)
}

func events(b *guest.Batch) guest.Answer {
	head := openai.Head{ID: b.Kept("id"), Model: b.Kept("model")}
	for i := range b.Events {
		event := b.Events[i].Data
		switch t := jsonspan.Get(event, "t"); {
		case t.Is("word"):
			b.Emit(head.AppendContent(b.Scratch(), jsonspan.Get(event, "say")))
		case t.Is("start"):
			b.Emit(head.AppendRole(b.Scratch()))
		case t.Is("stop"):
			b.Emit(head.AppendFinish(b.Scratch(), reason(jsonspan.Get(event))))
			b.Usage(usage(jsonspan.Get(event)))
			return b.End()
		case t.Is("error"):
			return b.Fail(fault(jsonspan.Get(event), 0))
		}
	}
	if b.Ended() {
		// A stream without a stop is not complete, even if it was closed in order.
		return b.Broken()
	}
	return b.More()
}

func reason(v jsonspan.Value) string {
	if v.Get("why").Is("long") {
		return "length"
	}
	return "stop"
}

func usage(v jsonspan.Value) guest.Usage {
	return guest.Usage{InputTokens: v.Get("in").Int(), OutputTokens: v.Get("out").Int()}
}

func classify(r *guest.Request) guest.Answer {
	v := r.Response.JSON("fault")
	if !v.Exists() {
		return r.FailUpstream()
	}
	return r.Fail(fault(v, r.Response.Status))
}

func fault(v jsonspan.Value, status int) guest.Fail {
	f := guest.Fail{Code: guest.CodeTransient, Retryable: true, Scope: guest.ScopeModel, HTTPStatus: uint32(status)}
	switch kind := v.Get("kind"); {
	case kind.Is("key"):
		f.Code, f.Scope = guest.CodeAuthInvalid, guest.ScopeCredential
	case kind.Is("quota"):
		f.Code, f.Scope = guest.CodeRateLimited, guest.ScopeCredential
	case kind.Is("busy"):
		f.Code = guest.CodeOverloaded
	case kind.Is("input"):
		f.Code, f.Scope, f.Retryable = guest.CodeBadRequest, guest.ScopeRequest, false
	case kind.Is("long"):
		f.Code, f.Scope, f.Retryable = guest.CodeContextLength, guest.ScopeRequest, false
	}
	f.Message = v.Get("text").Text()
	f.RetryAfterMS = uint64(max(v.Get("wait_s").Int(), 0)) * 1000
	return f
}

func generated(r *guest.Request) guest.Answer {
	if !r.Response.OK() {
		return r.FailUpstream()
	}
	return answer(r)
}

func submitted(r *guest.Request) guest.Answer {
	job := r.Response.JSON("job").Text()
	if !r.Response.OK() || job == "" {
		return r.FailUpstream()
	}
	r.Keep("job", job)
	return r.Sleep(pollEvery, "poll")
}

func poll(r *guest.Request) guest.Answer {
	return r.Get("base_url", "jobs", r.Kept("job")).HeaderParts("X-Key", guest.Secret("key")).Classify().Whole("polled")
}

func polled(r *guest.Request) guest.Answer {
	if !r.Response.OK() {
		return r.FailUpstream()
	}
	switch state := r.Response.JSON("state"); {
	case state.Is("done"):
		return answer(r)
	case state.Is("running"):
		r.KeepInt("polls", r.KeptInt("polls")+1)
		return r.Sleep(pollEvery, "poll")
	}
	return r.Fail(guest.Fail{
		Code:      guest.CodeTransient,
		Message:   r.Response.JSON("text").Text(),
		Scope:     guest.ScopeModel,
		Committed: true,
	})
}

// answer gives the client a complete answer, as a stream if it asked for one.
func answer(r *guest.Request) guest.Answer {
	v := r.Response.JSON()
	head := openai.Head{ID: r.Kept("id"), Model: r.Kept("model")}
	r.Usage(usage(v))
	if !r.Streams() {
		return r.Reply(head.AppendCompletion(nil, v.Get("say").Text(), reason(v), usage(v)))
	}
	r.Emit(head.AppendRole(r.Scratch()))
	r.Emit(head.AppendContent(r.Scratch(), v.Get("say")))
	r.Emit(head.AppendFinish(r.Scratch(), reason(v)))
	return r.End()
}

func models(r *guest.Request) guest.Answer {
	return r.Get("base_url", "voices").HeaderParts("X-Key", guest.Secret("key")).Whole("voices")
}

func voices(r *guest.Request) guest.Answer {
	if !r.Response.OK() {
		return r.FailUpstream()
	}
	var list []guest.Model
	for voice := range r.Response.JSON("voices").Items() {
		list = append(list, guest.Model{ID: voice.Get("name").Text()})
	}
	return r.Models(list...)
}
