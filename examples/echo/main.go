// Echo is a provider without a network: it says the user's last message again.
package main

import (
	"time"

	guest "github.com/patchbay-dev/patchbay/sdk-guest"
	"github.com/patchbay-dev/patchbay/sdk-guest/openai"
)

func main() {}

var _ = guest.Register(guest.Provider{
	Key:     "echo",
	Execute: execute,
	Steps:   map[string]func(*guest.Request) guest.Answer{"speak": speak},
})

const (
	// maxText is what has room in an instance's memory several times.
	maxText = 4 << 20
	pace    = 100 * time.Millisecond
	// A short answer takes a sleep for each word, a long one at most this many.
	maxSleeps = 8
	// What is still to say is kept between sleeps, where there is room for
	// little: a longer text is said at once.
	maxPaced = 8 << 10
	// A text has at most this many chunks, so that their frames stay smaller
	// than it is.
	maxChunks = 256
)

func execute(r *guest.Request) guest.Answer {
	text, ok := openai.LastUserText(r.Body)
	if !ok {
		return r.Fail(guest.Fail{
			Code:    guest.CodeBadRequest,
			Message: "there is no message with the role user to echo",
			Scope:   guest.ScopeRequest,
		})
	}
	if len(text) > maxText {
		return r.Fail(guest.Fail{
			Code:    guest.CodeContextLength,
			Message: "the message is longer than 4 MiB",
			Scope:   guest.ScopeRequest,
		})
	}
	// Words stand in for tokens.
	words := count(text)
	usage := guest.Usage{InputTokens: words, OutputTokens: words}
	if !r.Streams() {
		r.Usage(usage)
		return r.Reply(head(r).AppendCompletion(nil, text, "stop", usage))
	}
	r.Emit(head(r).AppendRole(r.Scratch()))
	r.KeepInt("words", words)
	if openai.WantsUsage(r.Body) {
		r.Keep("usage", "wanted")
	}
	if len(text) > maxPaced {
		say(r, text)
		return finish(r)
	}
	r.KeepInt("step", 1+words/maxSleeps)
	return speakSome(r, text)
}

// speak goes on after a sleep.
func speak(r *guest.Request) guest.Answer { return speakSome(r, r.Kept("rest")) }

func speakSome(r *guest.Request, text string) guest.Answer {
	some, rest := cut(text, int(r.KeptInt("step")))
	say(r, some)
	if rest == "" {
		return finish(r)
	}
	r.Keep("rest", rest)
	return r.Sleep(pace, "speak")
}

// say emits text in chunks of some words each.
func say(r *guest.Request, text string) {
	words := 1 + int(r.KeptInt("words"))/maxChunks
	for text != "" {
		var chunk string
		chunk, text = cut(text, words)
		r.Emit(head(r).AppendText(r.Scratch(), chunk))
	}
}

func finish(r *guest.Request) guest.Answer {
	words := r.KeptInt("words")
	usage := guest.Usage{InputTokens: words, OutputTokens: words}
	r.Emit(head(r).AppendFinish(r.Scratch(), "stop"))
	if r.Kept("usage") != "" {
		r.Emit(head(r).AppendUsage(r.Scratch(), usage))
	}
	r.Usage(usage)
	return r.End()
}

// head has no time: the same input gives the same bytes, whenever it is asked.
func head(r *guest.Request) openai.Head {
	return openai.Head{ID: "chatcmpl-" + r.Attempt.ID, Model: r.Model(), Created: r.Attempt.StartedMS / 1000}
}

// cut splits text behind its first words, each with the white space before it.
func cut(text string, words int) (some, rest string) {
	inWord, seen := false, 0
	for i := range len(text) {
		space := isSpace(text[i])
		if space && inWord {
			if seen++; seen == words {
				return text[:i], text[i:]
			}
		}
		inWord = !space
	}
	return text, ""
}

func count(text string) (words int64) {
	inWord := false
	for i := range len(text) {
		space := isSpace(text[i])
		if !space && !inWord {
			words++
		}
		inWord = !space
	}
	return words
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
