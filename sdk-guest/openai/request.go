package openai

import (
	"strings"

	"github.com/patchbay-dev/patchbay/sdk-guest/jsonspan"
)

// Text returns the text of a message's content, which is a string or a list of
// parts; parts that are not text are left out.
func Text(content jsonspan.Value) string {
	if content.Kind() != jsonspan.Array {
		return content.Text()
	}
	var text strings.Builder
	for part := range content.Items() {
		if part.Get("type").Is("text") {
			text.WriteString(part.Get("text").Text())
		}
	}
	return text.String()
}

// LastUserText returns the text of the last message of the user in a client's
// body. It is false when there is no such message.
func LastUserText(body []byte) (text string, ok bool) {
	var last jsonspan.Value
	for message := range jsonspan.Get(body, "messages").Items() {
		if message.Get("role").Is("user") {
			last = message
		}
	}
	return Text(last.Get("content")), last.Exists()
}

// WantsUsage reports whether the client asked for the usage at the end of its
// stream.
func WantsUsage(body []byte) bool {
	return jsonspan.Get(body, "stream_options", "include_usage").Bool()
}
